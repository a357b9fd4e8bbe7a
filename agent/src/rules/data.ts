/** struct audit_rule_data: what the kernel takes and lists. Source: include/uapi/linux/audit.h. */

export const FIELD_MAX = 64;
export const MASK_WORDS = 64;
const HEAD_WORDS = 3 + MASK_WORDS + 3 * FIELD_MAX + 1;
const HEAD_BYTES = HEAD_WORDS * 4;
/** Put before the rules that are there already (AUDIT_FILTER_PREPEND). */
const PREPEND = 0x10;
/** The last bits of the mask stand for classes of system calls and are gone once the kernel took the rule. */
const CLASS_BITS = 0xffff0000;

/** One comparison of a rule. */
export interface RuleField {
  field: number;
  operator: number;
  /** A number, or a text that stands in the rule's buffer. */
  value: number | string;
}

export interface RuleData {
  list: number;
  action: number;
  prepend: boolean;
  mask: Uint32Array;
  fields: RuleField[];
}

/** Fields whose value is a text. */
const TEXT_FIELDS = new Set([13, 14, 15, 16, 17, 19, 20, 21, 22, 23, 105, 107, 112, 210]);

function isTextField(field: number): boolean {
  return TEXT_FIELDS.has(field);
}

/** The rule as the kernel takes it. */
export function encodeRule({ list, action, prepend, mask, fields }: RuleData): Buffer {
  const texts: Buffer[] = [];
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32LE(list | (prepend ? PREPEND : 0), 0);
  head.writeUInt32LE(action, 4);
  head.writeUInt32LE(fields.length, 8);
  for (const [index, word] of mask.entries()) head.writeUInt32LE(word, (3 + index) * 4);
  const base = 3 + MASK_WORDS;
  for (const [index, { field, operator, value }] of fields.entries()) {
    const text = typeof value === "string" ? Buffer.from(value) : undefined;
    if (text !== undefined) texts.push(text);
    head.writeUInt32LE(field, (base + index) * 4);
    head.writeUInt32LE(typeof value === "number" ? value : (text?.length ?? 0), (base + FIELD_MAX + index) * 4);
    head.writeUInt32LE(operator, (base + 2 * FIELD_MAX + index) * 4);
  }
  const text = Buffer.concat(texts);
  head.writeUInt32LE(text.length, HEAD_BYTES - 4);
  return Buffer.concat([head, text]);
}

/** The rule as the kernel lists it and deletes it: once it is there, where it was put is not part of it. */
export function withoutPlace(payload: Buffer): Buffer {
  const listed = Buffer.from(payload);
  listed.writeUInt32LE((payload.readUInt32LE(0) & ~PREPEND) >>> 0, 0);
  return listed;
}

/** Reads a rule of the kernel; undefined where the bytes are none. */
export function decodeRule(payload: Buffer): RuleData | undefined {
  if (payload.length < HEAD_BYTES) return undefined;
  const count = payload.readUInt32LE(8);
  if (count > FIELD_MAX) return undefined;
  const flags = payload.readUInt32LE(0);
  const mask = Uint32Array.from({ length: MASK_WORDS }, (_, index) => payload.readUInt32LE((3 + index) * 4));
  const base = 3 + MASK_WORDS;
  let at = HEAD_BYTES;
  const fields: RuleField[] = [];
  for (let index = 0; index < count; index++) {
    const field = payload.readUInt32LE((base + index) * 4);
    const number = payload.readUInt32LE((base + FIELD_MAX + index) * 4);
    const operator = payload.readUInt32LE((base + 2 * FIELD_MAX + index) * 4);
    if (isTextField(field)) {
      if (at + number > payload.length) return undefined;
      fields.push({ field, operator, value: payload.toString("utf8", at, at + number) });
      at += number;
    } else fields.push({ field, operator, value: number });
  }
  return { list: flags & 0xf, action: payload.readUInt32LE(4), prepend: (flags & PREPEND) !== 0, mask, fields };
}

/** The same text for the same rule, as the kernel sees it: where it is put and what it never keeps do not count. */
export function identityOf(rule: RuleData): string {
  const mask = Uint32Array.from(rule.mask);
  mask[MASK_WORDS - 1] = ((mask[MASK_WORDS - 1] ?? 0) & ~CLASS_BITS) >>> 0;
  // Lists that know no system calls ignore the mask.
  const calls = rule.list === 4 || rule.list === 7 ? Buffer.from(mask.buffer).toString("base64") : "";
  return JSON.stringify([
    rule.list,
    rule.action,
    calls,
    rule.fields.map(({ field, operator, value }) => [field, operator, value]),
  ]);
}
