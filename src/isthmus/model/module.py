"""The network of a recipe, for data of one layout."""

from __future__ import annotations

import functools
import operator
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from isthmus.errors import RecipeError
from isthmus.model.places import Places
from isthmus.parts import Clue, Sizes
from isthmus.trace import Batch, Context, Corrupted, Progress, Trace

if TYPE_CHECKING:
    from isthmus.layout import Layout
    from isthmus.model.recipe import Recipe

DONE = Progress()
TOLD_NOTHING = Context()


class AutoencoderModule(nn.Module):
    """x -> corrupt -> encode -> bottleneck -> decode -> explain x.

    ``missing`` says that cells may be missing, so that the encoder must be told which.
    ``stack`` builds that many replicas on a leading axis, (R, B, *event).
    """

    def __init__(
        self, recipe: Recipe, layout: Layout, *, missing: bool = False, stack: int = 0
    ) -> None:
        super().__init__()
        self.recipe, self.layout = recipe, layout
        self.missing, self.stack = missing, stack
        self.likelihood = recipe.likelihood.on(layout)
        self.event = layout.event
        self.costs = recipe.costs()
        for term in self.costs.values():
            term.check(layout)
        told: set[Clue] = {"visible"} if missing else set()
        self.clues = recipe.corruption.clues() | told
        self.grid = recipe.architecture.grid(self.event)
        places = self.grid.numel()
        sizes = Sizes(
            inputs=self.likelihood.inputs(self.event),
            event=self.event,
            features=recipe.bottleneck.features() * places,
            code=recipe.bottleneck.width * places,
            params=self.likelihood.params(self.event),
            clues=self.clues,
            stack=stack,
        )
        self.past = recipe.architecture.past(sizes)
        for part in (recipe.architecture, recipe.bottleneck):
            if stack and not part.stackable:
                raise RecipeError(f"{part!r} cannot be stacked in {stack} replicas.")
        self.encoder, self.decoder = recipe.architecture.build(sizes)
        bottleneck = recipe.bottleneck.build()
        self.bottleneck = Places(bottleneck, places) if self.grid else bottleneck
        self.entry_weights: Tensor | None
        counted = layout.weights
        weights = None if counted is None else torch.tensor(counted).view(self.event)
        self.register_buffer("entry_weights", weights, persistent=False)

    @property
    def replayable(self) -> bool:
        """Whether a step, recorded, may be replayed: nobody listens in between."""
        kinds = "_forward_hooks", "_forward_pre_hooks", "_backward_hooks"
        heard = any(getattr(m, kind) for m in self.modules() for kind in kinds)
        return self.recipe.architecture.replayable and not heard

    def mixing(self) -> list[str]:
        """Kinds of the parts in which rows of a batch make a difference to others."""
        recipe = self.recipe
        parts = [recipe.architecture, recipe.bottleneck, recipe.corruption]
        found = [p.kind() for p in (*parts, *self.costs.values()) if p.mixes()]
        own = {type(m).__name__ for m in self.modules() if isinstance(m, _BatchNorm)}
        return found or sorted(own)

    @property
    def noisy(self) -> bool:
        """Whether chance has a hand in what the encoder gets to see."""
        return self.recipe.corruption.draws

    def forward(
        self,
        batch: Batch | Tensor,
        progress: Progress = DONE,
        *,
        chance: bool | None = None,
        corrupted: Corrupted | None = None,
    ) -> Trace:
        """Send a batch through and keep the trace.

        With ``chance`` (by default in training mode) the input is corrupted, unless it
        comes ``corrupted``, and the code drawn; without it nothing is random.
        """
        batch = Batch(batch) if isinstance(batch, Tensor) else batch
        if chance is None:
            chance = self.training
        x, visible = batch.x, batch.visible
        if corrupted is None:
            corrupted = self.corrupt(batch) if chance else Corrupted(x)
        context = self.context(batch, corrupted)
        features, past = self.features(corrupted.x, context)
        code = (self.bottleneck if chance else self.bottleneck.typical)(features)
        params = self.decode(code.value, past)
        judged = self.judged(batch, corrupted)
        distortion = self.likelihood.distortion(params, x, judged, len(self.event))
        return Trace(
            x=x,
            visible=visible,
            corrupted=corrupted.x,
            context=context,
            features=features,
            code=code,
            params=params,
            judged=judged,
            distortion=distortion,
            progress=progress,
        )

    def corrupt(self, batch: Batch) -> Corrupted:
        """What the corruption makes of a batch; missing cells stay at zero."""
        corrupted = self.recipe.corruption(batch.x, self.layout, batch.visible)
        if batch.visible is None:
            return corrupted
        return corrupted._replace(x=corrupted.x * batch.visible)

    def loss(
        self, trace: Trace, cutoff: float | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The total, and each weighted term by name, averaged over the batch.

        Of a stacked model: one of each per replica, (R,). Rows whose distortion per
        judged entry is more than ``cutoff`` times the median of the batch are left out.
        """
        replicas = trace.features.dim() - 2
        kept = None if cutoff is None else _shares(trace, cutoff)
        parts = {}
        for name, term in self.costs.items():
            cost = term(trace, self)
            if cost.dim() > replicas:
                cost = cost.mean(-1) if kept is None else (cost * kept).sum(-1)
            parts[name] = cost if term.weight == 1 else cost * term.weight
        return functools.reduce(operator.add, parts.values()), parts

    def metric(self, trace: Trace) -> tuple[str, Tensor, Tensor | int]:
        """Name of -log p per judged entry, its sum over the batch, and the divisor."""
        name, cost = self.recipe.likelihood.metric, trace.distortion.detach().sum()
        if trace.judged is None:
            return name, cost, trace.distortion.numel() * self.event.numel()
        draws = trace.distortion.numel() // trace.features[..., 0].numel()
        # a small batch may have nothing to judge, and then costs nothing
        return name, cost, draws * trace.judged.sum().clamp_min(1)

    def context(self, batch: Batch, corrupted: Corrupted | None = None) -> Context:
        """What the encoder is told: by default that nothing was corrupted."""
        if not self.clues:
            return TOLD_NOTHING
        x, visible = batch.x, batch.visible
        hidden = None if corrupted is None else corrupted.visible
        level = None if corrupted is None else corrupted.level
        if "visible" in self.clues:
            known = [mask for mask in (visible, hidden) if mask is not None]
            visible = known[0] if known else torch.ones_like(x)
            visible = visible * known[1] if len(known) > 1 else visible
        if "level" in self.clues and level is None:
            level = x.new_zeros(x.shape[: x.dim() - len(self.event)])
        return Context(visible, level)

    def judged(self, batch: Batch, corrupted: Corrupted | None = None) -> Tensor | None:
        """How much each entry counts, (B, *event); None: each once."""
        weights = self.entry_weights
        chosen = None if corrupted is None else corrupted.judged
        known = [w for w in (batch.visible, chosen, weights) if w is not None]
        if not known:
            return None
        return functools.reduce(operator.mul, known).expand_as(batch.x)

    def encode(self, batch: Batch | Tensor) -> Tensor:
        """Codes (B, D) of a batch, without chance."""
        batch = Batch(batch) if isinstance(batch, Tensor) else batch
        return self.encoded(batch)[0]

    def encoded(
        self, batch: Batch, corrupted: Corrupted | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Codes (B, D) of what is seen, without chance, and what goes past them."""
        x = batch.x if corrupted is None else corrupted.x
        features, past = self.features(x, self.context(batch, corrupted))
        return self.bottleneck.mode(features), past

    def features(self, x: Tensor, context: Context) -> tuple[Tensor, Tensor | None]:
        """The encoder's answer to x, in its precision, however products are.

        (B, H) for the bottleneck, and (B, P) that goes past it, if anything does.
        """
        answer: Tensor = self.encoder(self.likelihood.view(x), context)
        answer = answer.to(x.dtype)
        if not self.past:
            return answer, None
        here, past = answer.tensor_split([answer.shape[-1] - self.past], -1)
        return here, past

    def decode(self, code: Tensor, past: Tensor | None = None) -> Tensor:
        """Likelihood parameters ([K,] B, *params) of codes ([K,] B, D).

        ``past`` is what went past the codes, where the architecture lets anything.
        """
        replicas = 1 if self.stack else 0
        if self.past:
            if past is None:
                raise RecipeError(
                    f"A code alone cannot be decoded: {self.recipe.architecture!r} "
                    f"leads more past it. Use an architecture without skips."
                )
            code = torch.cat([code, past.expand(*code.shape[:-1], -1)], -1)
        if code.dim() == 2 + replicas:
            params: Tensor = self.decoder(code)
            return params.to(code.dtype)
        draws, batch = code.shape[0], code.shape[-2]  # the K draws share one pass
        params = self.decoder(code.movedim(0, -3).flatten(-3, -2)).to(code.dtype)
        apart: Tensor = params.unflatten(replicas, (draws, batch))
        return apart.movedim(replicas, 0)

    def reconstruct(self, batch: Batch | Tensor) -> Tensor:
        """What the model makes of each example, (B, *event), without chance."""
        batch = Batch(batch) if isinstance(batch, Tensor) else batch
        return self.likelihood.mean(self.decode(*self.encoded(batch)))

    def distortion(self, batch: Batch) -> Tensor:
        """-log p(x|z) of each example, (B,), at its typical code."""
        params, judged = self.decode(*self.encoded(batch)), self.judged(batch)
        return self.likelihood.distortion(params, batch.x, judged, len(self.event))

    def rebuild_hidden(self, batch: Batch, hidden: Tensor) -> Tensor:
        """Decoder's answers (P, B, *params), where ``hidden``, (P, E), hides entries.

        Rows of a table only; each of the P passes hides the same entries of all rows.
        """
        visible = (1 - hidden).unsqueeze(1).expand(-1, *batch.x.shape)
        passes = len(hidden)
        known = None if batch.visible is None else batch.visible.repeat(passes, 1)
        visible = visible.flatten(0, 1)
        x = batch.x.repeat(passes, 1) * visible
        codes = self.encoded(Batch(x, known), Corrupted(x, visible))
        params: Tensor = self.decode(*codes).unflatten(0, (passes, -1))
        return params

    def explain(self, batch: Batch, *, weighted: bool = True) -> tuple[Tensor, Tensor]:
        """Weighted log-likelihood and reconstruction of every entry, (B, *event) each.

        The log-likelihood of a missing cell is exactly 0.
        """
        params = self.decode(*self.encoded(batch))
        judged = self.judged(batch) if weighted else batch.visible
        entries = self.likelihood.log_prob(params, batch.x)
        if judged is not None:
            entries = entries * judged
        return entries, self.likelihood.mean(params)

    def certainty(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """log p of every entry as it is, and as it is rebuilt, (B, *event) each."""
        params = self.decode(*self.encoded(batch))
        typical = self.likelihood.log_prob(params, self.likelihood.mean(params).round())
        return self.likelihood.log_prob(params, batch.x), typical

    def sample(self, n: int) -> Tensor:
        """Draw ``n`` new examples: means given codes from the prior."""
        return self.likelihood.mean(self.decode(self.bottleneck.sample(n)))

    def weights(self) -> list[Tensor]:
        """Weight matrices of encoder and decoder: no biases, no norms."""
        replicas = 1 if self.stack else 0
        return [
            parameter
            for network in (self.encoder, self.decoder)
            for parameter in network.parameters()
            if parameter.dim() - replicas >= 2
        ]

    def continuous(self) -> Tensor:
        """Mask (*event,) of the entries that may vary continuously."""
        like = next(self.parameters())
        return self.layout.holding("real", "unit", "binary").to(like)


def _shares(trace: Trace, cutoff: float) -> Tensor:
    """Share of each row in the mean over the batch, ([R,] B): 0 if it is left out."""
    cost = trace.average(trace.distortion.detach())
    if trace.judged is not None:
        entries = range(-(trace.judged.dim() - cost.dim()), 0)
        cost = cost / trace.judged.sum(tuple(entries)).clamp_min(1e-12)
    kept = (cost <= cutoff * cost.median(-1, keepdim=True).values).to(cost)
    return kept / kept.sum(-1, keepdim=True)
