/** Which rows of a long list are on the screen. */

/** Browsers give up on what is higher; from there on the scroll bar stands for more rows than it has pixels. */
const HEIGHT_MAX = 8_000_000;

export interface Window {
  /** Rows that are drawn: from first (inclusive) to end (exclusive). */
  first: number;
  end: number;
  /** Pixels above the first drawn row, and of the whole list. */
  top: number;
  height: number;
}

/** Rows beyond the edges, so that a scroll shows no gaps. */
const OVERSCAN = 8;

/**
 * Of `count` rows of one height, with the list scrolled down by `scrollTop` of a view of `viewHeight` pixels. Where all rows are higher than a
 * browser takes, the scroll position is a share of the whole, and drawn rows follow each other at their own height.
 */
export function windowOf(count: number, rowHeight: number, scrollTop: number, viewHeight: number): Window {
  const whole = count * rowHeight;
  const height = Math.min(whole, HEIGHT_MAX);
  const visible = Math.ceil(viewHeight / rowHeight);
  const share = height <= viewHeight ? 0 : Math.min(1, Math.max(0, scrollTop / (height - viewHeight)));
  const firstVisible = whole === height ? Math.floor(scrollTop / rowHeight) : Math.round(share * (count - visible));
  const first = Math.max(0, Math.min(firstVisible, count - 1) - OVERSCAN);
  const end = Math.max(first, Math.min(count, firstVisible + visible + OVERSCAN));
  const top = whole === height ? first * rowHeight : Math.max(0, scrollTop - (firstVisible - first) * rowHeight);
  return { first, end, top: Math.min(top, Math.max(0, height - (end - first) * rowHeight)), height };
}

/** Where to scroll so that a row is seen; undefined where it is. `headerHeight` of the view's top is covered. */
export function scrollToRow(
  row: number,
  {
    count,
    rowHeight,
    scrollTop,
    viewHeight,
  }: { count: number; rowHeight: number; scrollTop: number; viewHeight: number },
): number | undefined {
  const whole = count * rowHeight;
  if (whole > HEIGHT_MAX) {
    const visible = Math.ceil(viewHeight / rowHeight);
    const firstVisible = Math.round((scrollTop / (HEIGHT_MAX - viewHeight)) * (count - visible));
    if (row >= firstVisible && row < firstVisible + visible - 1) return undefined;
    return (Math.max(0, row - Math.floor(visible / 2)) / Math.max(1, count - visible)) * (HEIGHT_MAX - viewHeight);
  }
  const top = row * rowHeight;
  if (top < scrollTop) return top;
  if (top + rowHeight > scrollTop + viewHeight) return top + rowHeight - viewHeight;
  return undefined;
}
