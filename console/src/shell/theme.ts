/** Light, dark, or as the system has it. */
import { type Signal, signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";

const KEY = "hosttrail.theme";
const NEXT: Readonly<Record<Theme, Theme>> = { system: "light", light: "dark", dark: "system" };

export const theme: Signal<Theme> = signal(kept());

function kept(): Theme {
  const value = localStorage.getItem(KEY);
  return value === "light" || value === "dark" ? value : "system";
}

export function applyTheme(): void {
  if (theme.value === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme.value;
}

/** To the next one in turn. */
export function turnTheme(): void {
  theme.value = NEXT[theme.value];
  localStorage.setItem(KEY, theme.value);
  applyTheme();
}
