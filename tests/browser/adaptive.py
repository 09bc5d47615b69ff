"""Adaptive Cards drawn by Microsoft's own renderer, in the colours of Teams."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.harness.channel_contract import ROOT

IMAGES: Final = ROOT / "docs/channels/images"
RENDERER: Final = Path(__file__).parent / "node_modules/adaptivecards/dist/adaptivecards.js"

LIGHT: Final = {
    "page": "#f5f5f5", "back": "#ffffff", "text": "#242424", "subtle": "#616161",
    "accent": "#ebf3fc", "good": "#f1faf1", "attention": "#fdf3f4", "emphasis": "#f5f5f5",
    "border": "#d1d1d1", "primary": "#5b5fc7", "danger": "#c50f1f",
}  # fmt: skip
DARK: Final = {
    "page": "#141414", "back": "#292929", "text": "#ffffff", "subtle": "#adadad",
    "accent": "#0a2e4a", "good": "#052505", "attention": "#3b0509", "emphasis": "#1f1f1f",
    "border": "#525252", "primary": "#5b5fc7", "danger": "#c4314b",
}  # fmt: skip
"""Teams' colours: https://react.fluentui.dev/?path=/docs/theme-colors--docs"""

DRAW: Final = """([card, look]) => {
  const shade = { default: look.text, subtle: look.subtle };
  const colours = {};
  for (const name of ["default", "dark", "light", "accent", "good", "warning", "attention"])
    colours[name] = shade;
  const style = (back) => ({ backgroundColor: back, foregroundColors: colours });
  const drawn = new AdaptiveCards.AdaptiveCard();
  drawn.hostConfig = new AdaptiveCards.HostConfig({
    fontFamily: "Segoe UI, Helvetica, sans-serif",
    fontTypes: { default: {}, monospace: { fontFamily: "Consolas, monospace",
      fontSizes: { small: 12, default: 13, medium: 14, large: 18, extraLarge: 22 } } },
    fontSizes: { small: 12, default: 14, medium: 16, large: 20, extraLarge: 24 },
    spacing: { small: 4, default: 8, medium: 12, large: 16, extraLarge: 20, padding: 12 },
    containerStyles: { default: style(look.back), emphasis: style(look.emphasis),
      accent: style(look.accent), good: style(look.good), attention: style(look.attention),
      warning: style(look.emphasis) },
    actions: { maxActions: 6, actionsOrientation: "horizontal", actionAlignment: "left",
      buttonSpacing: 8, spacing: "default" },
  });
  const context = new AdaptiveCards.SerializationContext(AdaptiveCards.Versions.v1_5);
  drawn.parse(card, context);
  window.pressed = [];
  drawn.onExecuteAction = (action) => {
    const one = { type: action.getJsonTypeName(), title: action.title, verb: action.verb,
      data: action.data, url: action.url, body: action.body };
    window.pressed.push(one);
    if (window.press) window.press(one);
  };
  const asks = drawn.refresh;
  window.asks = asks ? { action: asks.action.toJSON(), userIds: asks.userIds } : null;
  const faults = [];
  for (let i = 0; i < context.eventCount; i++) faults.push(context.getEventAt(i).message);
  for (const one of drawn.validateProperties().validationEvents) faults.push(one.message);
  document.body.style.background = look.page;
  const sheet = document.createElement("style");
  sheet.textContent = `body { margin: 0; font-family: sans-serif }
    #card { width: 440px; margin: 12px; border: 1px solid ${look.border}; border-radius: 6px;
      overflow: hidden; color: ${look.text} }
    .ac-pushButton { background: ${look.back}; color: ${look.text}; padding: 6px 12px;
      border: 1px solid ${look.border}; border-radius: 4px; font: 600 13px sans-serif }
    .style-positive { background: ${look.primary}; color: #fff; border-color: ${look.primary} }
    .style-destructive { background: ${look.danger}; color: #fff; border-color: ${look.danger} }
    textarea { width: 100%; box-sizing: border-box; background: ${look.back}; color: ${look.text};
      border: 1px solid ${look.border}; border-radius: 4px; padding: 6px; font: 13px sans-serif }`;
  document.head.replaceChildren(sheet);
  const place = document.createElement("div");
  place.id = "card";
  place.appendChild(drawn.render());
  document.body.replaceChildren(place);
  return faults;
}"""

DRAW_ALL: Final = f"""([cards, look]) => cards.map((card) => [
  ({DRAW})([card, look]), document.querySelectorAll("#card a, #card img, #card script").length
])"""
"""Of each card what the renderer has to say against it, and how many links, images and scripts."""
