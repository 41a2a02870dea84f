"""Codes that went down the error of their own example; the decoder stays as it is.

An encoder answers at once, and for examples that it has not met not as well as its
decoder would allow (Cremer et al., 2018). Its answer is where a descent starts.
"""

from __future__ import annotations

import torch

STEPS, STRIDE = 50, 0.05
"""Steps of Adam, and the length of the first in standard deviations of the codes."""


def refined(module, x, steps=STEPS):
    """Codes (n, size) of rows ``x``, (n, E), and the squared error of each, (n,)."""
    parts = [_descend(module, rows, steps) for rows in x.split(1000)]
    codes, errors = zip(*parts, strict=True)
    return torch.cat(codes), torch.cat(errors)


def _descend(module, x, steps):
    with torch.no_grad():
        code = module.encode(x)
    code.requires_grad_()
    rule = torch.optim.Adam([code], lr=STRIDE * float(code.detach().std()))
    ahead = torch.optim.lr_scheduler.CosineAnnealingLR(rule, max(steps, 1))
    for _ in range(steps):
        (code.grad,) = torch.autograd.grad(_errors(module, code, x).sum(), code)
        rule.step()
        ahead.step()
    with torch.no_grad():
        return code.detach(), _errors(module, code, x)


def _errors(module, code, x):
    return (module.likelihood.mean(module.decode(code)) - x).square().sum(1)
