/** Short words of what was done, for a moment; read aloud as well. */
import { type Signal, signal } from "@preact/signals";
import type { VNode } from "preact";

interface Toast {
  id: number;
  text: string;
  isBad: boolean;
}

const toasts: Signal<readonly Toast[]> = signal([]);
const SHOWN_MS = 6000;
const TOASTS_MAX = 3;
let made = 0;

/** Says what was done, or that it was not. */
export function say(text: string, isBad = false): void {
  const id = ++made;
  toasts.value = [...toasts.value, { id, text, isBad }].slice(-TOASTS_MAX);
  setTimeout(() => {
    toasts.value = toasts.value.filter((each) => each.id !== id);
  }, SHOWN_MS);
}

export function Toasts(): VNode {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ id, text, isBad }) => (
        <p key={id} class={isBad ? "toast is-bad" : "toast"}>
          {text}
        </p>
      ))}
    </div>
  );
}
