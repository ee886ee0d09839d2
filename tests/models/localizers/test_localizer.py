"""The localizer: scales, crops and classes compared with a search over everything."""

import numpy as np
import pytest
import torch
from mmpretrain.structures import DataSample
from torch.nn import functional as F

from mmresnet.errors import UserValueError
from mmresnet.models.localizers import Localizer
from mmresnet.models.localizers.boxes import decode
from mmresnet.models.localizers.views import batches, view, without_padding

NET = {"type": "mmresnet.CifarResNet", "depth": 8, "base_channels": 4, "strides": (2, 2, 2)}
HEAD = {
    "type": "mmresnet.PerClassRPNHead",
    "num_classes": 3,
    "in_channels": 16,
    "feat_channels": 8,
    "stride": 8,
    "anchor_sizes": (12, 24),
    "anchor_ratios": (1.0,),
}


def localizer(**test_cfg):
    torch.manual_seed(0)
    net = Localizer(NET, HEAD, test_cfg=test_cfg)
    net.init_weights()
    for parameter in net.head.parameters():  # scores and boxes that differ clearly
        torch.nn.init.normal_(parameter, std=0.2)
    return net.eval()


def sample(size, label=0, predicted=None):
    one = DataSample().set_gt_label(label)
    one.set_metainfo({"img_shape": size})
    if predicted is not None:
        one.set_field(np.array(predicted), "predicted_classes")
    return one


def test_a_view_and_the_way_back():
    """60×40 pixels at short side 20 are 30×20; of these the centre of 16: from column 7, row 2."""
    one = view(torch.rand(3, 40, 60), 20, 16)
    assert one.pixels.shape == (3, 16, 16)
    assert one.offset == (7, 2) and one.scale == (0.5, 0.5)
    boxes = torch.tensor([[0.0, 0, 16, 16], [-100, 3, 5, 100]])
    expected = [[14.0, 4, 46, 36], [0, 10, 24, 40]]  # the second one is clipped to the image
    torch.testing.assert_close(one.to_image(boxes), torch.tensor(expected))


def test_views_of_one_size_are_computed_together():
    views = [view(torch.rand(3, *size), 16, None) for size in ((16, 20), (32, 40), (20, 16))]
    found = [(indices, tuple(pixels.shape)) for indices, pixels in batches(views)]
    assert found == [([0, 1], (2, 3, 16, 20)), ([2], (1, 3, 20, 16))]


def test_padding_is_taken_off():
    inputs = torch.arange(2 * 4 * 6.0).view(2, 1, 4, 6)
    first, second = without_padding(inputs, [(4, 6), (2, 3)])
    assert torch.equal(first, inputs[0]) and torch.equal(second, inputs[1, :, :2, :3])


def test_the_best_boxes_of_all_scales_and_positions_are_found():
    """A search by the whole 1×1 convolutions, image by image, scale by scale."""
    net = localizer(scales=(24, 40), crop=None)
    sizes = [(40, 56), (48, 32)]
    images = [torch.randn(3, *size) for size in sizes]
    inputs = torch.stack(
        [F.pad(image, (0, 56 - image.shape[2], 0, 48 - image.shape[1])) for image in images]
    )
    given = [sample(sizes[0], 2, [1, 0]), sample(sizes[1], 0, [0, 2])]
    boxes, scores, classes = net.propose(inputs, given, 5)
    assert classes.tolist() == [[2, 1, 0], [0, 0, 2]]
    for index, image in enumerate(images):
        for place, label in enumerate(classes[index].tolist()):
            rows = []
            for scale in (24, 40):
                height, width = image.shape[1:]
                factor = scale / min(height, width)
                size = round(height * factor), round(width * factor)
                pixels = F.interpolate(image[None], size, mode="bilinear", antialias=True)
                features = net.backbone(pixels)[-1]
                hidden = F.relu(net.head.conv(features))
                logits = net.head.outputs.cls(hidden)[0].view(3, 2, -1)[label]
                deltas = net.head.outputs.reg(hidden)[0].view(3, 2, 4, -1)[label]
                references = net.head.anchors(features, size).view(-1, 2, 4)
                moved = decode(deltas.permute(2, 0, 1), references)
                moved[..., 0::2] *= width / size[1]
                moved[..., 1::2] *= height / size[0]
                moved[..., 0::2].clamp_(0, width)
                moved[..., 1::2].clamp_(0, height)
                rows += [
                    (score, box)
                    for score, box in zip(
                        logits.T.sigmoid().reshape(-1).tolist(), moved.reshape(-1, 4), strict=True
                    )
                ]
            rows.sort(key=lambda row: -row[0])
            best = rows[:5]
            torch.testing.assert_close(scores[index, place], torch.tensor([one[0] for one in best]))
            expected = torch.stack([one[1] for one in best])
            torch.testing.assert_close(boxes[index, place], expected, rtol=1e-4, atol=1e-3)


def test_predictions_are_the_best_box_of_each_class():
    net = localizer(scales=(24,), crop=24)
    inputs, given = torch.randn(1, 3, 24, 24), [sample((24, 24), 1, [2, 1])]
    boxes, scores, _ = net.propose(inputs, given, 1)
    (found,) = net(inputs, given, mode="predict")
    assert torch.equal(found.gt_class_bbox, boxes[0, 0, 0])
    assert found.pred_labels.tolist() == [2, 1]
    assert torch.equal(found.pred_bboxes, boxes[0, 1:, 0])
    assert torch.equal(found.pred_scores, scores[0, 1:, 0])
    (alone,) = net(inputs, [sample((24, 24), 1)], mode="predict")
    assert torch.equal(alone.gt_class_bbox, boxes[0, 0, 0])
    assert len(alone.pred_labels) == len(alone.pred_bboxes) == 0


def test_more_boxes_than_anchors_repeat_the_last_one():
    net = localizer(scales=(16,), crop=16)  # 2 × 2 positions with 2 anchors each
    boxes, scores, _ = net.propose(torch.randn(1, 3, 16, 16), [sample((16, 16))], 10)
    assert boxes.shape == (1, 1, 10, 4)
    assert (scores[0, 0, :8] > 0).all() and scores[0, 0, 8:].tolist() == [0, 0]
    assert torch.equal(boxes[0, 0, 7:], boxes[0, 0, 7:8].expand(3, -1))


def test_it_learns_where_a_square_is():
    """Thirty steps on one image bring the box of its class to the square."""
    net = localizer(scales=(32,), crop=32).train()
    image = torch.zeros(1, 3, 32, 32)
    image[:, :, 8:20, 4:16] = 2.0
    given = sample((32, 32), 1)
    given.set_field(np.float32([[4, 8, 16, 20]]), "gt_bboxes")
    inputs = torch.cat([image, image])
    optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
    for _ in range(30):
        losses = net(inputs, [given, given], mode="loss")
        optimizer.zero_grad()
        (losses["loss_cls"] + 5 * losses["loss_bbox"]).backward()
        optimizer.step()
    (found,) = net(image, [given], mode="predict")
    torch.testing.assert_close(
        found.gt_class_bbox, torch.tensor([4.0, 8, 16, 20]), rtol=0, atol=2.5
    )


@pytest.mark.parametrize(
    ("test_cfg", "words"),
    [
        ({"scale": (24,)}, "no setting 'scale'.*Did you mean 'scales'"),
        ({"scales": ()}, "give one or more short sides"),
        ({"scales": (24, 16), "crop": 20}, "none below the crop"),
    ],
)
def test_wrong_test_settings_are_told(test_cfg, words):
    with pytest.raises(UserValueError, match=words):
        localizer(**test_cfg)


def test_wrong_modes_are_told():
    net = localizer()
    with pytest.raises(UserValueError, match=r"not predicts.*'predict'"):
        net(torch.zeros(1, 3, 24, 24), [sample((24, 24))], mode="predicts")
    with pytest.raises(UserValueError, match="needs data samples"):
        net(torch.zeros(1, 3, 24, 24), mode="loss")


def test_images_without_a_class_are_told():
    unlabelled = DataSample(metainfo={"img_shape": (24, 24)})
    with pytest.raises(UserValueError, match="box of a given class, and the images have none"):
        localizer()(torch.zeros(1, 3, 24, 24), [unlabelled], mode="predict")
