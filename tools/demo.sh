#!/usr/bin/env bash
# Train, test and plot two models on handwritten digits: a ResNet-20 classifier, which is exported to
# ONNX as well, and a Faster R-CNN, initialized from its weights, that detects them among clutter.
# Results of earlier runs are reused.
#
#   PYTHON=.venv/bin/python tools/demo.sh        both
#   PYTHON=.venv/bin/python tools/demo.sh cls    only the classifier
#   PYTHON=.venv/bin/python tools/demo.sh det    only the detector, after the classifier if its weights are missing
set -euo pipefail
cd "$(dirname "$0")/.."

PYTHON=${PYTHON:-python}
# Small images gain little from more threads. PASSIVE: waiting threads sleep rather than spin, which
# slows down other programs.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-2} OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-PASSIVE}

CLS_CONFIG=configs/demo/digits_resnet20.py
CLS_RUN=work_dirs/digits_resnet20
CLS_BEST=$CLS_RUN/best_accuracy_top1_epoch_
CLS_LAST=$CLS_RUN/epoch_20.pth  # the detector's config names it

DET_CONFIG=configs/demo/digits_faster-rcnn_resnet20_fpn.py
DET_RUN=work_dirs/digits_faster-rcnn_resnet20_fpn
DET_BEST=$DET_RUN/best_coco_bbox_mAP_epoch_
DET_DATA=data/digit_scenes

# train CONFIG RUN BEST: train, resume an interrupted training, or reuse a finished one
train() {
    local config=$1 run=$2 best=$3
    if [ -e "$run/finished" ] && compgen -G "$best*.pth" > /dev/null; then
        echo "Using the finished training in $run; to train from scratch: rm -r $run"
    elif [ -e "$run/last_checkpoint" ] && [ ! -e "$run/finished" ]; then
        echo "Resuming the interrupted training in $run; to train from scratch: rm -r $run"
        "$PYTHON" tools/train.py "$config" --work-dir "$run" --resume
    else
        "$PYTHON" tools/train.py "$config" --work-dir "$run"
    fi
    touch "$run/finished"
}

# evaluate CONFIG CHECKPOINT RUN: the metrics in one line; more is in the log that a test writes
evaluate() {
    "$PYTHON" tools/test.py "$1" "$2" --work-dir "$3/test" | awk '
        /^[^ ]+: -?[0-9.]+$/ {printf "%s%s", (n++ ? "  " : "Test: "), $0}
        END {if (n) print ""}'
}

newest() { ls -t "$1"*.pth | head -n 1; }
logs() { ls -d "$1"/*/vis_data | tail -n 1 | xargs dirname; }

train_classifier() {
    "$PYTHON" tools/make_digits.py data/digits
    train $CLS_CONFIG $CLS_RUN $CLS_BEST
}

demo_classifier() {
    train_classifier
    local checkpoint
    checkpoint=$(newest $CLS_BEST)
    evaluate $CLS_CONFIG "$checkpoint" $CLS_RUN
    "$PYTHON" tools/plot_curves.py $CLS_RUN $CLS_RUN/curves.png >/dev/null  # named below
    "$PYTHON" tools/plot_predictions.py $CLS_CONFIG "$checkpoint" $CLS_RUN/predictions.png | tail -n 1
    "$PYTHON" tools/export.py $CLS_CONFIG "$checkpoint" --to onnx --out $CLS_RUN/onnx --force
}

demo_detector() {
    if [ ! -e "$CLS_LAST" ]; then
        echo "The detector is initialized from $CLS_LAST, which does not exist yet."
        rm -f $CLS_RUN/finished
        train_classifier
    fi
    "$PYTHON" tools/make_digit_scenes.py $DET_DATA
    train $DET_CONFIG $DET_RUN $DET_BEST
    local checkpoint
    checkpoint=$(newest $DET_BEST)
    evaluate $DET_CONFIG "$checkpoint" $DET_RUN
    "$PYTHON" tools/plot_curves.py $DET_RUN $DET_RUN/curves.png >/dev/null
    "$PYTHON" tools/infer.py $DET_CONFIG "$checkpoint" $DET_DATA/val --out $DET_RUN/val \
        --score-thr 0.5
    "$PYTHON" tools/plot_detections.py $DET_RUN/val/results.json \
        $DET_DATA/annotations/instances_val.json $DET_RUN/detections.png
}

summarize_classifier() {
    cat <<END
The classifier: $(newest $CLS_BEST), log in $(logs $CLS_RUN)
  Report: $CLS_RUN/report.html; pictures: $CLS_RUN/predictions.png, curves.png
  Exported: $PYTHON $CLS_RUN/onnx/run.py data/digits/val/3/*.png
  Your own images, in my_images/train/<class>/ and my_images/val/<class>/, here with 5 classes:
    $PYTHON tools/train.py configs/resnet50_8xb32_in1k.py --auto-scale-lr --cfg-options data_root=my_images num_classes=5
END
}

summarize_detector() {
    cat <<END
The detector: $(newest $DET_BEST), log in $(logs $DET_RUN)
  Report: $DET_RUN/report.html; pictures: $DET_RUN/detections.png, curves.png, val/pictures/
  Your own boxes, in COCO's format with folders as in $DET_DATA (docs/custom_detection.md):
    $PYTHON tools/train.py configs/custom/faster-rcnn_r18_fpn_scratch.py --cfg-options data_root=my_boxes
END
}

# no &&: set -e ignores failures in a command before &&
what=${1:-all}
case $what in
    cls) demo_classifier ;;
    det) demo_detector ;;
    all)
        demo_classifier
        demo_detector
        ;;
    *)
        echo "tools/demo.sh takes cls, det or no argument (both), not '$what'." >&2
        exit 2
        ;;
esac
echo
if [ "$what" != det ]; then summarize_classifier; fi
if [ "$what" != cls ]; then summarize_detector; fi
