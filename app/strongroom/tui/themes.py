"""Colours by role. Every theme keeps text at a contrast that a 256-colour terminal does not destroy."""

from __future__ import annotations

from textual.theme import Theme

THEMES = (
    Theme(
        name="strongroom-dark",
        primary="#5fb3d7",
        secondary="#87afaf",
        accent="#e0a85c",
        foreground="#d7dde0",
        background="#10161a",
        surface="#162027",
        panel="#1e2b33",
        success="#7cc68d",
        warning="#e5c07b",
        error="#ef7b7b",
        dark=True,
        variables={
            "text-muted": "#8797a0",
            "text-disabled": "#4a5a63",
            "border": "#2f4350",
            "block-cursor-background": "#27465a",
            "block-cursor-foreground": "#ffffff",
            "block-cursor-text-style": "none",
            "block-cursor-blurred-background": "#1e2b33",
            "input-selection-background": "#5fb3d7 35%",
            "scrollbar": "#2f4350",
            "scrollbar-background": "#10161a",
        },
    ),
    Theme(
        name="strongroom-light",
        primary="#00608a",
        secondary="#4f6f6f",
        accent="#a35400",
        foreground="#1c2529",
        background="#fafafa",
        surface="#f0f2f3",
        panel="#e2e7ea",
        success="#1f7a3a",
        warning="#8a6100",
        error="#b3261e",
        dark=False,
        variables={
            "text-muted": "#5b6970",
            "text-disabled": "#a9b4ba",
            "border": "#c2ccd1",
            "block-cursor-background": "#cfe3ee",
            "block-cursor-foreground": "#10161a",
            "block-cursor-text-style": "none",
            "block-cursor-blurred-background": "#e2e7ea",
        },
    ),
)
