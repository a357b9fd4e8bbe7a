/** The design system: what every page is made of, and what stands where an answer is not. */
export { type Asked, SLOW_MS, useAll, useAnswer, useProgress, useWatch } from "./answer.ts";
export { Card, Choice, Dialog, Facts, Field, Page, Table, Tabs, valueIn } from "./parts.tsx";
export { Plot } from "./plot.tsx";
export { RangePicker } from "./rangepicker.tsx";
export { SeverityLabel, SeverityMark } from "./severity.tsx";
export { Badge, Completion, Empty, Failure, Liveness, Loading, Shown, type Tone, wordBadge } from "./states.tsx";
export { Text } from "./text.tsx";
export { Ago, Time } from "./time.tsx";
export { say, Toasts } from "./toast.tsx";
export { VirtualTable, type VirtualColumn } from "./virtual.tsx";
