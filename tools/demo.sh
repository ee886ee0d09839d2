#!/usr/bin/env bash
# From nothing to a trained, tested and pictured ResNet-20 on handwritten digits.
# What is there from an earlier run is used again.
#
#   PYTHON=.venv/bin/python tools/demo.sh
set -euo pipefail
cd "$(dirname "$0")/.."

PYTHON=${PYTHON:-python}
# images this small gain little from more threads, and lose a lot where other programs are busy
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
CONFIG=configs/demo/digits_resnet20.py
RUN=work_dirs/digits_resnet20
BEST=$RUN/best_accuracy_top1_epoch_

"$PYTHON" tools/make_digits.py data/digits

if [ -e "$RUN/finished" ] && compgen -G "$BEST*.pth" > /dev/null; then
    echo "A finished training is in $RUN and is used; to start anew: rm -r $RUN"
elif [ -e "$RUN/last_checkpoint" ] && [ ! -e "$RUN/finished" ]; then
    echo "An interrupted training is in $RUN and goes on; to start anew: rm -r $RUN"
    "$PYTHON" tools/train.py $CONFIG --work-dir "$RUN" --resume
else
    "$PYTHON" tools/train.py $CONFIG --work-dir "$RUN"
fi
touch "$RUN/finished"

CHECKPOINT=$(ls -t "$BEST"*.pth | head -n 1)
"$PYTHON" tools/test.py $CONFIG "$CHECKPOINT" --work-dir "$RUN/test"
"$PYTHON" tools/plot_curves.py "$RUN" "$RUN/curves.png"
"$PYTHON" tools/plot_predictions.py $CONFIG "$CHECKPOINT" "$RUN/predictions.png"

cat <<END

Done.
  checkpoint  $CHECKPOINT
  logs        $(ls -d "$RUN"/*/vis_data | tail -n 1 | xargs dirname)
  pictures    $RUN/curves.png
              $RUN/predictions.png

Your own images, in folders my_images/train/<class>/ and my_images/val/<class>/, here of 5 classes:
  $PYTHON tools/train.py configs/resnet50_8xb32_in1k.py --auto-scale-lr \\
      --cfg-options data_root=my_images num_classes=5
END
