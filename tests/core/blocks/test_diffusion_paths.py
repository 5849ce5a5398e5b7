"""Paths, conversions and samplers against closed forms and against diffusers' schedulers, step by step; no network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler, FlowMatchEulerDiscreteScheduler
from torch import Tensor

from core.blocks.diffusion.conversions import (
    DATA,
    NOISE,
    PREDICTS,
    VELOCITY,
    Estimate,
    clamped,
    cost_of,
    of_pair,
    of_prediction,
    wanted,
)
from core.blocks.diffusion.guidance import between, gaussians, guided
from core.blocks.diffusion.paths import COSINE, LINEAR, NAMES, STEPS, STRAIGHT, Path, mixed, path, table
from core.blocks.diffusion.sampling import ANCESTRAL, HEUN, SAMPLERS, ancestral, deterministic, evaluations, run, times

TABLES = {LINEAR: "linear", COSINE: "squaredcos_cap_v2"}


def double(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("name", NAMES)
def test_the_mean_and_variance_of_what_is_mixed_are_those_of_the_closed_form(name: str) -> None:
    """Of 200,000 draws: the mean lies within 5 of its standard errors, and so does the variance."""
    count, x = 200_000, 0.7
    for time in (0.1, 0.5, 0.9):
        level = path(name).at(torch.tensor(time, dtype=torch.float64))
        z = mixed(torch.full((count,), x, dtype=torch.float64), double(count), level)
        noise = float(level.noise)
        assert abs(float(z.mean()) - float(level.signal) * x) < 5 * noise / count**0.5
        assert abs(float(z.var()) / noise**2 - 1) < 5 * (2 / count) ** 0.5


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_that_of_diffusers_and_keeps_the_variance(name: str) -> None:
    theirs = DDPMScheduler(num_train_timesteps=STEPS, beta_schedule=TABLES[name]).alphas_cumprod
    level = path(name).at(torch.arange(1, STEPS + 1, dtype=torch.float64) / STEPS)
    torch.testing.assert_close(level.signal.square(), theirs.double(), rtol=1e-4, atol=1e-9)  # theirs are float32
    torch.testing.assert_close(level.signal.square() + level.noise.square(), torch.ones(STEPS, dtype=torch.float64))
    if name == LINEAR:
        betas = torch.linspace(1e-4, 0.02, STEPS, dtype=torch.float64)
        torch.testing.assert_close(table("linear"), torch.cumprod(1 - betas, 0), rtol=1e-5, atol=0)


@pytest.mark.parametrize("name", TABLES)
def test_noise_is_added_as_diffusers_adds_it(name: str) -> None:
    x, noise, number = double(5, 3, 4, 4), double(5, 3, 4, 4, seed=1), torch.tensor([0, 1, 250, 700, 999])
    theirs = DDPMScheduler(num_train_timesteps=STEPS, beta_schedule=TABLES[name]).add_noise(x, noise, number)
    ours = mixed(x, noise, path(name).at((number.double() + 1) / STEPS))
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_ends_are_data_and_noise(name: str) -> None:
    ends = path(name).at(torch.tensor([0.0, 1.0], dtype=torch.float64))
    assert (float(ends.signal[0]), float(ends.noise[0])) == (1.0, 0.0)
    assert float(ends.noise[1]) > 0.9999
    assert float(ends.signal[1]) < 0.01


@pytest.mark.parametrize("name", NAMES)
def test_a_time_is_found_again_from_its_signal_to_noise(name: str) -> None:
    time = torch.linspace(0.003, 0.997, 200, dtype=torch.float64)
    found = path(name).time_of(path(name).at(time).signal_to_noise)
    torch.testing.assert_close(found, time, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_slopes_are_derivatives_by_the_paths_own_coordinate(name: str) -> None:
    time = torch.arange(20.5, 960, 10, dtype=torch.float64) / STEPS
    step, way = 1e-6, path(name)
    before, after, here = way.at(time - step), way.at(time + step), way.at(time)
    run_over = way.coordinate(time + step) - way.coordinate(time - step)
    torch.testing.assert_close((after.signal - before.signal) / run_over, here.signal_slope, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close((after.noise - before.noise) / run_over, here.noise_slope, rtol=1e-5, atol=1e-6)
    determinant = here.signal * here.noise_slope - here.noise * here.signal_slope
    torch.testing.assert_close(determinant, torch.ones_like(determinant))


@pytest.mark.parametrize("predicts", PREDICTS)
@pytest.mark.parametrize("name", NAMES)
def test_each_prediction_gives_the_other_two_back(name: str, predicts: str) -> None:
    x, noise = double(9, 3, 4, 4), double(9, 3, 4, 4, seed=1)
    level = path(name).at(torch.linspace(0.05, 0.95, 9, dtype=torch.float64))
    true, z = of_pair(x, noise, level), mixed(x, noise, level)
    found = of_prediction(wanted(true, predicts), z, level, predicts)
    for one, other in ((found.data, x), (found.noise, noise), (found.velocity, true.velocity)):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", TABLES)
def test_the_velocity_is_that_of_diffusers(name: str) -> None:
    x, noise, number = double(3, 2, 4, 4), double(3, 2, 4, 4, seed=1), torch.tensor([3, 500, 990])
    scheduler = DDPMScheduler(num_train_timesteps=STEPS, beta_schedule=TABLES[name])
    theirs = scheduler.get_velocity(x, noise, number)
    ours = of_pair(x, noise, path(name).at((number.double() + 1) / STEPS)).velocity
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("predicts", PREDICTS)
@pytest.mark.parametrize("name", NAMES)
def test_an_error_of_a_prediction_costs_what_it_costs_in_data(name: str, predicts: str) -> None:
    x, noise = double(5, 4), double(5, 4, seed=1)
    level = path(name).at(torch.linspace(0.1, 0.9, 5, dtype=torch.float64))
    z, shift = mixed(x, noise, level), double(5, 4, seed=2)
    said = wanted(of_pair(x, noise, level), predicts)
    off = of_prediction(said + shift, z, level, predicts).data - x
    expected = cost_of(level, predicts)[:, None] * shift.square()
    torch.testing.assert_close(off.square(), expected)


def test_clamped_data_and_its_noise_still_give_the_same_place() -> None:
    level, z = path(STRAIGHT).at(torch.tensor([0.3, 0.8], dtype=torch.float64)), double(2, 6)
    found = clamped(of_prediction(3 * double(2, 6, seed=3), z, level, VELOCITY), z, level)
    assert float(found.data.abs().max()) <= 1
    torch.testing.assert_close(mixed(found.data, found.noise, level), z)


class Wavering:
    """Some prediction that depends on place and time, asked by ours and by theirs."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, z: Tensor, time: float) -> Tensor:
        self.asked += 1
        return torch.sin(2 * z) + z * (0.3 + 0.2 * time)


def predicting(name: str, field: Any, predicts: str) -> Any:
    def predict(z: Tensor, time: Tensor) -> Estimate:
        return of_prediction(field(z, float(time)), z, path(name).at(time), predicts)

    return predict


@pytest.mark.parametrize(("predicts", "theirs"), [(NOISE, "epsilon"), (VELOCITY, "v_prediction"), (DATA, "sample")])
@pytest.mark.parametrize("name", TABLES)
def test_ddim_is_that_of_diffusers_at_every_step(name: str, predicts: str, theirs: str) -> None:
    scheduler = DDIMScheduler(
        num_train_timesteps=STEPS, beta_schedule=TABLES[name], clip_sample=False, prediction_type=theirs,
        timestep_spacing="trailing",
    )  # fmt: skip
    scheduler.set_timesteps(10)
    field, z = Wavering(), double(2, 3, 4, 4)
    other = z
    ours = deterministic(z, times(10), path(name), predicting(name, field, predicts))
    for number, step in zip(scheduler.timesteps, ours):
        other = scheduler.step(field(other, (int(number) + 1) / STEPS), number, other, eta=0.0).prev_sample
        torch.testing.assert_close(step.z, other, rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize("name", TABLES)
def test_ancestral_steps_are_those_of_ddpm_in_diffusers(name: str) -> None:
    """Neighbouring entries of the table, the same noise."""
    scheduler = DDPMScheduler(
        num_train_timesteps=STEPS, beta_schedule=TABLES[name], clip_sample=False, variance_type="fixed_small"
    )
    field, z = Wavering(), double(2, 3, 4, 4)
    numbers = [700, 699, 698]
    levels = torch.tensor([(number + 1) / STEPS for number in (*numbers, 697)], dtype=torch.float64)
    other, stream, ours_from = z, torch.Generator().manual_seed(4), torch.Generator().manual_seed(4)

    def fresh(_now: float, _then: float) -> Tensor:
        return torch.randn(z.shape, generator=ours_from, dtype=z.dtype)

    steps = ancestral(z, levels, path(name), predicting(name, field, NOISE), fresh)
    for number, step in zip(numbers, steps):
        said = field(other, (number + 1) / STEPS)
        other = scheduler.step(said, number, other, generator=stream).prev_sample
        torch.testing.assert_close(step.z, other, rtol=1e-4, atol=1e-4)


def test_flow_matching_is_eulers_method_of_diffusers_at_every_step() -> None:
    scheduler = FlowMatchEulerDiscreteScheduler(num_train_timesteps=STEPS)
    levels = times(12)
    scheduler.set_timesteps(sigmas=levels[:-1].tolist())
    field, z = Wavering(), double(2, 3, 4, 4)
    other = z
    ours = deterministic(z, levels, path(STRAIGHT), predicting(STRAIGHT, field, VELOCITY))
    for number, level, step in zip(scheduler.timesteps, levels, ours):
        other = scheduler.step(field(other, float(level)), number, other).prev_sample
        torch.testing.assert_close(step.z, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("name", NAMES)
def test_an_oracle_of_the_noise_leads_back_to_the_data(name: str, sampler: str) -> None:
    x, noise, way = double(2, 3, 4, 4), double(2, 3, 4, 4, seed=1), path(name)
    end = times(7)
    end[0] = 0.98  # at 1 a table has next to no signal, and nothing can be told from the noise alone

    def oracle(z: Tensor, time: Tensor) -> Estimate:
        level = way.at(time)
        return of_prediction((z - level.signal * x) / level.noise, z, level, NOISE)

    start = mixed(x, noise, way.at(end[0]))
    *_, last = run(sampler, start, end, way, oracle, lambda now, then: double(2, 3, 4, 4, seed=2))
    torch.testing.assert_close(last.z, x, rtol=0, atol=1e-9)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_network_is_asked_as_often_as_is_said(sampler: str) -> None:
    field, z = Wavering(), double(1, 4)
    *_, last = run(
        sampler, z, times(9), path(COSINE), predicting(COSINE, field, NOISE), lambda now, then: torch.zeros_like(z)
    )
    assert (field.asked, last.done, last.of) == (evaluations(sampler, 9), 9, 9)


MEAN, SPREAD = 0.4, 0.3


def exact(way: Path) -> Any:
    """What is best said of data that is Gaussian: a closed form."""

    def predict(z: Tensor, time: Tensor) -> Estimate:
        level = way.at(time)
        total = (level.signal * SPREAD) ** 2 + level.noise**2
        return of_pair(
            MEAN + SPREAD**2 * level.signal / total * (z - level.signal * MEAN),
            level.noise / total * (z - level.signal * MEAN),
            level,
        )

    return predict


def errors(name: str, sampler: str, counts: tuple[int, ...]) -> Iterator[float]:
    """How far from where the flow of the closed form is at a time near data; the step after that is of first order."""
    way, z, end = path(name), double(50), 0.05
    first, last = (way.at(torch.tensor(time, dtype=torch.float64)) for time in (1.0, end))
    begins, ends = (((at.signal * SPREAD) ** 2 + at.noise**2).sqrt() for at in (first, last))
    truth = last.signal * MEAN + ends / begins * (z - first.signal * MEAN)
    for count in counts:
        levels = 1 - (1 - end) * (1 - times(count))
        *_, step = run(sampler, z, levels, way, exact(way), lambda now, then: torch.zeros_like(z))
        yield float((step.z - truth).abs().max())


@pytest.mark.parametrize("name", [STRAIGHT, COSINE])
def test_of_a_gaussian_the_error_falls_in_the_order_of_the_method(name: str) -> None:
    """Half the step: half the error for the first order, a quarter for Heun's."""
    for sampler, order in (("deterministic", 1.0), (HEUN, 2.0)):
        coarse, fine = errors(name, sampler, (80, 160))
        measured = float(torch.log2(torch.tensor(coarse / fine)))
        assert abs(measured - order) < 0.25, (sampler, measured)


@pytest.mark.parametrize("name", NAMES)
def test_ancestral_samples_of_a_gaussian_have_its_mean_and_spread(name: str) -> None:
    """20,000 samples, 800 steps: within 5 standard errors of either, and 1 % of steps that are not infinitely fine."""
    count = 20_000
    stream = torch.Generator().manual_seed(0)
    z = torch.randn(count, generator=stream, dtype=torch.float64)
    *_, last = run(
        ANCESTRAL, z, times(800), path(name), exact(path(name)),
        lambda now, then: torch.randn(count, generator=stream, dtype=torch.float64),
    )  # fmt: skip
    assert abs(float(last.z.mean()) - MEAN) < 5 * SPREAD / count**0.5 + 0.004
    assert abs(float(last.z.std()) / SPREAD - 1) < 5 / (2 * count) ** 0.5 + 0.01


def test_times_to_learn_from_are_uniform_on_a_table_and_logit_normal_on_the_line() -> None:
    """Of 100,000: Kolmogorov's distance below 0.01, which chance exceeds once in 10^8."""
    gauss = double(100_000)
    uniform = path(LINEAR).drawn(gauss).sort().values
    assert float((uniform - torch.linspace(0, 1, len(gauss), dtype=torch.float64)).abs().max()) < 0.01
    torch.testing.assert_close(torch.logit(path(STRAIGHT).drawn(gauss)), gauss)


def test_guidance_of_one_is_the_conditional_prediction_and_asks_no_more() -> None:
    asked: list[str] = []

    def saying(name: str, value: float) -> Any:
        return lambda: asked.append(name) or torch.tensor(value)

    assert float(guided(1.0, saying("c", 3.0), saying("u", 1.0))) == 3.0
    assert asked == ["c"]
    assert float(guided(4.0, saying("c", 3.0), saying("u", 1.0))) == 9.0
    assert float(guided(0.0, saying("c", 3.0), saying("u", 1.0))) == 1.0
    assert asked == ["c", "u", "c", "u"]


def test_a_row_of_noise_is_of_its_stream_alone() -> None:
    def streams(*seeds: int) -> list[torch.Generator]:
        return [torch.Generator().manual_seed(seed) for seed in seeds]

    like = torch.zeros(1)
    together = gaussians(streams(3, 4, 5), (2, 2), like)
    assert torch.equal(gaussians(streams(5), (2, 2), like)[0], together[2])


def test_between_two_noises_lies_noise_of_the_same_length() -> None:
    left, right = double(3000), double(3000, seed=1)
    torch.testing.assert_close(between(left, right, 0.0), left)
    torch.testing.assert_close(between(left, right, 1.0), right)
    half = between(left, right, 0.5)
    assert abs(float(half.norm() / left.norm()) - 1) < 0.03
    torch.testing.assert_close(between(left, left, 0.4), left)
