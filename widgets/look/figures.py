"""What a figure of a run is called: one place for monitors, tables, columns and sweeps."""

from __future__ import annotations

from widgets.look.language import filled, tr


def figure_name(name: str) -> str:
    """A name that blocks, training options and diagnostics use, as a person says it; ``chance X`` is what guessing gives."""
    name = name.replace("_", " ")
    if (known := figure_words().get(name)) is not None:
        return known
    beginnings = {
        "chance ": tr("{name} (chance level)"), "training ": tr("{name} (training images)"),
        "real ": tr("{name} (real images)"), "lookup ": tr("{name} (lookup by caption)"),
        "whole-clip ": tr("{name} (the whole clip)"), "frame ": tr("{name} (of frames)"),
        "several-look ": tr("{name} (mean of several looks)"),
    }  # fmt: skip
    for beginning, words in beginnings.items():
        if name.startswith(beginning):
            return filled(words, {"name": figure_name(name.removeprefix(beginning))})
    measure, found, count = name.partition(" from ")
    if found and measure.startswith("R@") and count.isdigit():
        return tr("{measure} from {count} views", measure=measure, count=count)
    if name.startswith("layer ") and name[6:].isdigit():
        return tr("layer {number}", number=name[6:])
    return tr(name)


def figure_words() -> dict[str, str]:
    """Parts of series' names."""
    return {
        "balance": tr("loss balance"), "weight": tr("weight"), "factor": tr("factor"), "strength": tr("strength"),
        "gradient": tr("gradient norm"), "memory": tr("memory"), "GPU peak": tr("GPU memory, peak"), "rate": tr("learning rate"),
        "kept keys found": tr("kept keys found again"), "reconstruction R2": tr("reconstruction R²"),
        "tokens left": tr("tokens left"), "rank correlation": tr("rank correlation (Spearman)"), "mean error": tr("mean error"), "gate": tr("gate"),
        "hidden": tr("share of missing tokens"), "bias": tr("bias"), "accuracy": tr("accuracy"), "clipped": tr("clipped gradients"),
        "throughput": tr("throughput"), "temperature": tr("temperature"), "loss": tr("loss"), "experts": tr("experts"),
        "dropped": tr("dropped tokens"), "entropy": tr("entropy"), "purity": tr("purity"), "quietest": tr("quietest expert"),
        "cost": tr("cost"), "processor seconds": tr("processor time"), "parameters": tr("parameters"),
        "trained parameters": tr("trained parameters"), "flops": tr("FLOPs per example"), "similarity": tr("similarity"), "keys": tr("keys in the queue"),
        "all": tr("all blocks"), "modality": tr("modality"), "discriminator": tr("discriminator loss"),
        "discriminator accuracy": tr("discriminator accuracy"), "variety": tr("variety"),
        "adaptive weight": tr("adaptive weight"), "gradient share": tr("share of the gradient norm"),
        "gradient share of block": tr("block's share of the gradient norm"),
        "attention entropy": tr("attention entropy, 1 = even"),
        "mix": tr("tasks"), "resolution": tr("image size"), "asked": tr("share asked for"),
        "drawn": tr("share drawn"), "epochs": tr("epochs"),
        "codes": tr("code book"), "use": tr("codes used"), "perplexity": tr("perplexity"), "dead": tr("dead codes"),
        "bits": tr("bits per pixel"), "entropy bits": tr("bits per pixel, entropy-coded"), "commitment": tr("commitment"),
        "pooled PSNR": tr("pooled PSNR"), "pooled SSIM": tr("pooled SSIM"), "mean image PSNR": tr("mean image PSNR"),
        "images compared": tr("images compared"), "examples": tr("examples (N)"), "captions seen": tr("captions that the judge was trained on"), "perceptual distance": tr("perceptual distance"),
        "error": tr("prediction error"), "mean class accuracy": tr("accuracy, mean of the classes"), "divergence": tr("KL divergence"),
        "alignment": tr("alignment"), "uniformity": tr("uniformity"), "effective rank": tr("effective rank"),
        "modality gap": tr("modality gap"), "positive mean": tr("mean of positives"), "negative mean": tr("mean of negatives"),
        "negative std": tr("standard deviation of negatives"), "error rate": tr("error rate"), "too short": tr("clips too short for their words"), "exact match": tr("exact match"), "same words": tr("same words, in any order"), "chrF": "chrF", "mAP": "mAP",
        **{f"mAP@{least}": f"mAP@{least}" for least in (0.3, 0.5, 0.7)},
        "whole-clip mAP@0.3": tr("mAP@0.3 of saying the whole clip"), "whole-clip mAP@0.5": tr("mAP@0.5 of saying the whole clip"),
        "whole-clip mAP@0.7": tr("mAP@0.7 of saying the whole clip"),
        "recovered": tr("offsets found within one frame"), "recovered of said": tr("right of the offsets that are said"),
        "said": tr("clips of which an offset is said"), "seconds off": tr("error of the offset, median, in seconds"),
        "seconds path off": tr("error of the path, median, in seconds"),
        "seconds constant off": tr("error of one offset for all moments, median, in seconds"), "offset": tr("offset in seconds"),
        "cycles back": tr("cycles that come back within one frame"), "order kept": tr("order kept (Kendall's tau)"),
        "R2": "R²", "FID": "FID", "rFID": "rFID", "KID": "KID", "CLIP score": tr("CLIP score"),
        "distance to training": tr("distance to the nearest training image"), "mean rank": tr("mean rank"),
        "R@1, 95 % from": tr("R@1, lower end of the 95 % interval"), "R@1, 95 % to": tr("R@1, upper end of the 95 % interval"),
        "R@10, 95 % from": tr("R@10, lower end of the 95 % interval"), "R@10, 95 % to": tr("R@10, upper end of the 95 % interval"),
        "lr": tr("learning rate"), "weight decay": tr("weight decay"), "retrieval": tr("retrieval"), "score": tr("score"),
    }  # fmt: skip
