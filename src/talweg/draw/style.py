"""The colors, light and dark, and the style sheets that use them.

Text has a contrast of at least 4.5 on `paper` and `panel`, lines of a chart of 3.0. Color-blind
people can distinguish the series, which also differ in their dashes. A test checks the numbers.
"""

from __future__ import annotations

LIGHT = {
    "paper": "#fcfbf8",
    "panel": "#f3f1eb",
    "ink": "#1f262b",
    "soft": "#566069",
    "rule": "#d8d5cc",
    "shadow": "#1f262b38",
    "grid": "#e8e5dd",
    "accent": "#0d6587",
    "right": "#84b9d1",
    "wrong": "#efb488",
    "series-1": "#0d6587",
    "series-2": "#bf4e0a",
    "series-3": "#6a4ea3",
    "series-4": "#4a7519",
}

DARK = {
    "paper": "#14191c",
    "panel": "#1c2327",
    "ink": "#e3e7e9",
    "soft": "#a2adb4",
    "rule": "#364046",
    "shadow": "#000000b0",
    "grid": "#262e33",
    "accent": "#74c3df",
    "right": "#235f7b",
    "wrong": "#854315",
    "series-1": "#74c3df",
    "series-2": "#f2975c",
    "series-3": "#bda8e6",
    "series-4": "#a6c972",
}

SANS = "system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','Helvetica Neue',sans-serif"
SERIF = "'Iowan Old Style','Palatino Linotype',Palatino,'URW Palladio L',P052,Georgia,serif"
MONO = "ui-monospace,'SF Mono',SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"


def variables(selector: str) -> str:
    """The colors as CSS variables of `selector`: light, and dark on screens that ask for it."""
    light, dark = (";".join(f"--{k}:{v}" for k, v in colors.items()) for colors in (LIGHT, DARK))
    dark = f"@media screen and (prefers-color-scheme:dark){{{selector}{{{dark}}}}}"
    return f"{selector}{{{light}}}{dark}"


def _edge_shadows(cover: str) -> str:
    """Shadows at the edges of what scrolls sideways.

    At the ends of the content, covers that scroll with it hide them.
    """
    sides = (("to right", "0"), ("to left", "100%"))
    covers = [
        f"linear-gradient({side},var(--{cover}) 40%,transparent) {x} 0/2.5rem 100% no-repeat local"
        for side, x in sides
    ]
    shadows = [
        f"linear-gradient({side},var(--shadow),transparent) {x} 0/.8rem 100% no-repeat"
        for side, x in sides
    ]
    return ",".join([*covers, *shadows, f"var(--{cover})"])


# A chart is 600 units wide and between 330 and 680 px: on small screens its font has more units, so
# that it stays at 12 px or more. A chart of class `fixed` keeps its size and scrolls.
CHART_CSS = f"""
{variables(".talweg-chart")}
.talweg-chart{{display:block;width:100%;max-width:45rem;height:auto;background:var(--paper);\
font-family:{SANS};font-size:13px;font-variant-numeric:tabular-nums}}
@media(max-width:720px){{.talweg-chart{{font-size:17px}}}}
@media(max-width:480px){{.talweg-chart{{font-size:22px}}}}
.talweg-chart.fixed{{font-size:13px}}
.talweg-chart .halo{{paint-order:stroke;stroke:var(--paper);stroke-width:5px}}
"""

PAGE_CSS = f"""
{variables(":root")}
:root{{color-scheme:light dark}}
*{{box-sizing:border-box}}
html{{-webkit-text-size-adjust:100%;text-size-adjust:100%}}
body{{margin:0;background:var(--paper);color:var(--ink);font:1rem/1.6 {SANS};\
overflow-wrap:break-word}}
main,footer{{max-width:46rem;margin:0 auto;padding:0 1.25rem}}
h1,h2,.lead{{font-family:{SERIF}}}
h1{{font-size:clamp(1.9rem,1.4rem + 2.4vw,2.75rem);line-height:1.15;font-weight:600;\
letter-spacing:-.012em;margin:.6rem 0 1rem;text-wrap:balance}}
h2{{font-size:1.55rem;line-height:1.25;font-weight:600;margin:0 0 .9rem}}
h3{{font-size:1rem;line-height:1.4;font-weight:600;margin:2rem 0 .6rem}}
p{{margin:0 0 1rem;max-width:65ch;text-wrap:pretty}}
a{{color:var(--accent);text-underline-offset:.2em;text-decoration-thickness:1px}}
header{{padding:3.5rem 0 0}}
.brand{{display:flex;align-items:center;gap:.6rem;margin:0;color:var(--accent);\
font-size:.875rem;letter-spacing:.04em}}
.brand svg{{width:2.25rem;height:1.1rem}}
.lead{{font-size:clamp(1.15rem,1.05rem + .5vw,1.35rem);line-height:1.5;margin:0 0 1.75rem}}
.facts{{display:flex;flex-wrap:wrap;gap:1rem 2.75rem;margin:0;padding:1.1rem 0 1.2rem;\
border-block:1px solid var(--rule)}}
dt{{font-size:.8125rem;line-height:1.4;color:var(--soft)}}
dd{{margin:.1rem 0 0;font-weight:600;font-variant-numeric:tabular-nums}}
nav ul{{display:flex;flex-wrap:wrap;gap:.25rem 1.4rem;list-style:none;margin:1rem 0 0;padding:0}}
nav a{{display:inline-block;padding:.2rem 0;font-size:.9375rem;text-decoration-color:var(--rule)}}
section{{margin:3.25rem 0 0;padding:1.6rem 0 0;border-top:1px solid var(--soft)}}
figure{{margin:1.9rem 0}}
figcaption,caption{{color:var(--soft);font-size:.875rem;line-height:1.5;text-align:left}}
figcaption{{margin:.25rem 0 0;max-width:65ch}}
caption{{padding:0 0 .5rem}}
.scroll{{overflow-x:auto;margin:0 0 1.6rem;background:{_edge_shadows("paper")}}}
.code{{background:{_edge_shadows("panel")}}}
figure .scroll{{margin:0}}
.pairs{{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,19rem),1fr));\
gap:0 1.5rem}}
.pairs figure{{margin:.6rem 0;min-width:0}}
.pairs .talweg-chart{{font-size:22px}}
:focus-visible{{outline:2px solid var(--accent);outline-offset:3px}}
table{{border-collapse:collapse;width:100%;font-size:.9375rem;line-height:1.45;\
font-variant-numeric:tabular-nums lining-nums;overflow-wrap:normal}}
th,td{{padding:.42rem 1.4rem .42rem 0;text-align:left;vertical-align:baseline;\
border-bottom:1px solid var(--grid)}}
th:last-child,td:last-child{{padding-right:0}}
thead th{{color:var(--soft);font-size:.8125rem;font-weight:500;border-color:var(--rule);\
vertical-align:bottom}}
tbody th{{font-weight:500}}
tfoot th,tfoot td{{font-weight:600;border-bottom:0;border-top:1px solid var(--rule)}}
.number{{text-align:right;white-space:nowrap}}
th.number{{white-space:normal}}
.wide th,.wide td{{white-space:nowrap}}
.notes{{margin:0 0 1.6rem;padding:.9rem 1.1rem .95rem;background:var(--panel);\
border-left:3px solid var(--accent)}}
.notes h3{{margin:0 0 .3rem}}
.notes ul{{margin:0;padding-left:1.1rem}}
.notes li+li{{margin-top:.3rem}}
details{{margin:0 0 1.6rem}}
summary{{cursor:pointer;color:var(--accent);padding:.2rem 0}}
pre{{margin:0;padding:.9rem 1.1rem;font-size:.875rem;line-height:1.55;\
width:max-content;min-width:100%}}
code{{font-family:{MONO};font-variant-ligatures:none}}
footer{{margin:4rem auto 0;padding-block:1.25rem 3rem;color:var(--soft);font-size:.875rem}}
@media(max-width:480px){{
main,footer{{padding-inline:1rem}}
header{{padding-top:2rem}}
th,td{{padding-right:1rem}}
}}
@media print{{
body{{background:none}}
figure,tr,pre,.notes{{break-inside:avoid}}
h2,h3,caption{{break-after:avoid}}
nav{{display:none}}
}}
"""
