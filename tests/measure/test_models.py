"""The networks are what their names say, start from the seed's weights and leave nothing to chance."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from core import messages, offers
from core.errors import InputError
from core.measure import models

MNIST = (1, 28, 28)


def build(name, shape=MNIST, classes=10, seed=0):
    return models.build(name, shape, classes, seed)


def images(count, shape=MNIST):
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (count, *shape), generator=generator, dtype=torch.uint8)


def weights(model):
    return torch.cat([value.flatten().float() for value in model.state_dict().values()])


def refusal_of(*arguments, **changes):
    with pytest.raises(InputError) as refusal:
        build(*arguments, **changes)
    assert messages.sentence(refusal.value.code, refusal.value.facts)
    return refusal.value


def test_the_mlp_is_the_articles():
    model, input_shape = build("mlp")
    layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
    assert [(layer.in_features, layer.out_features) for layer in layers] == [(784, 512), (512, 10)]
    assert sum(parameter.numel() for parameter in model.parameters()) == 407_050
    assert input_shape == MNIST


def test_the_mlps_forward_pass_is_the_articles_formula():
    model, _ = build("mlp")
    first, second = (module for module in model.modules() if isinstance(module, nn.Linear))
    x = images(7)
    flat = (x.double() / 255 * 2 - 1).reshape(7, 784)  # bytes to -1..1
    hidden = torch.clamp(flat @ first.weight.double().T + first.bias.double(), min=0)
    expected = hidden @ second.weight.double().T + second.bias.double()
    torch.testing.assert_close(model(x).double(), expected, rtol=1e-5, atol=1e-5)


def test_the_mlp_takes_any_shape_and_number_of_classes():
    model, _ = build("mlp", (3, 9, 5), 4)
    assert model(images(2, (3, 9, 5))).shape == (2, 4)


@pytest.mark.parametrize("width", [1, 64, 511, 16_384])
def test_an_mlp_of_any_width(width):
    model, input_shape = build(f"mlp_{width}")
    layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
    assert [(layer.in_features, layer.out_features) for layer in layers] == [(784, width), (width, 10)]
    assert input_shape == MNIST


@pytest.mark.parametrize("name", ["mlp_512", "mlp_0", "mlp_064", "mlp_16385", "mlp_" + "9" * 60])
def test_widths_that_cant_be_had(name):
    refusal = refusal_of(name)
    assert refusal.code == "bad_mlp_width"
    assert "512 hidden units is called mlp" in messages.sentence(refusal.code, refusal.facts)


@pytest.mark.parametrize("name", ["mlp_", "mlp_x", "mlp64", "mlp_6_4", "mlp_-1", "mlp_٣"])
def test_what_only_looks_like_a_width_is_an_unknown_model(name):
    assert refusal_of(name).code == "unknown_model"


def test_which_models_train_in_seconds_anywhere():
    assert all(map(models.is_small, ("mlp", "cnn", "mlp_1", "mlp_4096")))
    assert not any(map(models.is_small, ("mlp_4097", "resnet18")))


@pytest.mark.parametrize("shape", [MNIST, (3, 32, 32), (1, 12, 12), (1, 13, 40)])
def test_the_cnn_takes_images_from_12_pixels_on(shape):
    model, input_shape = build("cnn", shape)
    assert model(images(2, shape)).shape == (2, 10)
    assert input_shape == shape
    kinds = [type(module).__name__ for module in model.modules()]
    assert (kinds.count("Conv2d"), kinds.count("Linear")) == (2, 3)


def test_the_cnn_on_mnist_is_lenet_5():
    model, _ = build("cnn")
    assert sum(parameter.numel() for parameter in model.parameters()) == 61_706


def test_images_too_small_for_the_cnn():
    refusal = refusal_of("cnn", (1, 8, 11))
    assert (refusal.code, refusal.facts) == ("images_too_small", {"model": "cnn", "height": 8, "width": 11})


def test_a_torchvision_model_by_its_name():
    model, input_shape = build("resnet18", classes=7)
    assert input_shape == (3, 28, 28)
    assert (
        sum(parameter.numel() for parameter in model.parameters()) == 11_689_512 - 993 * 513
    )  # 7 classes, not 1000
    model.eval()
    assert model(images(2)).shape == (2, 7)
    assert model(images(2, (3, 28, 28))).shape == (2, 7)


def test_looking_for_the_size_leaves_no_trace_in_the_model():
    model, _ = build("resnet18")
    assert all(module.training for module in model.modules())
    counters = [value for name, value in model.state_dict().items() if name.endswith("num_batches_tracked")]
    assert counters
    assert sum(counters) == 0


def test_images_too_small_for_a_model_are_enlarged():
    model, input_shape = build("alexnet")
    assert input_shape == (3, 64, 64)
    seen = []
    model[1].register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    x = images(1)
    assert model(x).shape == (1, 10)
    expected = functional.interpolate(
        x.double() / 127.5 - 1, size=(64, 64), mode="bilinear", align_corners=False
    )
    assert seen[0].shape == (1, 3, 64, 64)
    for channel in seen[0][0]:  # grey in all three channels
        torch.testing.assert_close(channel.double(), expected[0, 0], rtol=1e-4, atol=1e-4)


def test_colours_reach_the_model_unchanged():
    model, _ = build("resnet18", (3, 32, 32))
    x = images(2, (3, 32, 32))
    torch.testing.assert_close(model[0](x), x / 127.5 - 1, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "near"), [("resnet81", "resnet18"), ("vitb16", "vit_b_16"), ("mpl", "mlp"), ("qqqq", "mlp")]
)
def test_an_unknown_name_is_answered_with_near_ones(name, near):
    refusal = refusal_of(name)
    assert refusal.code == "unknown_model"
    assert near in refusal.facts["near"].split(", ")


def test_a_detector_is_no_classifier():
    assert refusal_of("fasterrcnn_resnet50_fpn").code == "unknown_model"


def test_every_model_that_is_offered_exists():
    assert set(offers.MODELS) <= set(models.names())
    assert len(models.names()) > 60


def test_dropout_is_switched_off():
    model, _ = build("alexnet")
    dropouts = [module for module in model.modules() if isinstance(module, nn.Dropout)]
    assert dropouts
    x = images(2)
    assert torch.equal(model(x), model(x))  # in training mode, where dropout would draw


@pytest.mark.parametrize("name", ["DropPath", "attention"])
def test_nothing_else_draws_either(name):
    kinds = {
        "DropPath": nn.Sequential(StochasticDepth(0.5)),
        "attention": nn.MultiheadAttention(4, 2, dropout=0.5),
    }
    models._switch_off_chance(kinds[name])
    assert kinds[name].dropout == 0.0 if name == "attention" else kinds[name][0].p == 0.0


class StochasticDepth(nn.Module):
    """As torchvision calls its own."""

    def __init__(self, p):
        super().__init__()
        self.p = p


@pytest.mark.parametrize("name", ["mlp", "cnn", "squeezenet1_1"])
def test_a_seed_says_all_of_the_weights(name):
    torch.manual_seed(5)
    first, _ = build(name, seed=3)
    torch.manual_seed(6)
    assert torch.equal(weights(build(name, seed=3)[0]), weights(first))
    assert not torch.equal(weights(build(name, seed=4)[0]), weights(first))


def test_googlenet_is_built_without_its_side_heads(monkeypatch):
    wanted = []
    vision = models.torchvision().models
    make = lambda **options: wanted.append(options) or nn.Flatten()  # noqa: E731
    monkeypatch.setattr(vision, "get_model_builder", lambda name: make)
    build("googlenet")
    assert wanted == [{"weights": None, "num_classes": 10, "aux_logits": False, "init_weights": True}]


@pytest.mark.parametrize(
    ("name", "features"), [("mlp", 512), ("cnn", 84), ("resnet18", 512), ("alexnet", 4096)]
)
def test_the_features_are_what_the_last_layer_takes(name, features):
    model, _ = build(name)
    last = [module for module in model.modules() if type(module) is nn.Linear][-1]
    model.eval()
    with torch.inference_mode():
        whole = model(images(2))
        models.cut_head(name, model)
        cut = model(images(2))
        again = last(cut)
    assert cut.shape == (2, features)
    torch.testing.assert_close(again, whole)


def test_a_model_without_a_linear_layer_has_no_features_to_give():
    model, _ = build("squeezenet1_1")
    with pytest.raises(InputError) as refusal:
        models.cut_head("squeezenet1_1", model)
    assert (refusal.value.code, refusal.value.facts) == ("no_features", {"model": "squeezenet1_1"})
