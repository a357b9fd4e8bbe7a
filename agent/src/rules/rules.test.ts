import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compileRules } from "./compile.ts";

const compile = (text: string): ReturnType<typeof compileRules> => compileRules(text, "my.rules", "x86_64");

describe("compileRules", () => {
  it("sets the bit of each system call and the fields in the kernel's layout", () => {
    const [rule] = compile("# a comment\n\n-a always,exit -F arch=b64 -S execve,connect -F auid>=1000 -k my_key");
    const payload = rule?.payload ?? Buffer.alloc(0);
    const word = (index: number): number => payload.readUInt32LE(index * 4);
    assert.deepEqual([word(0), word(1), word(2)], [4, 2, 3]);
    assert.equal(word(3 + 1), (1 << (59 - 32)) | (1 << (42 - 32)));
    const fields = 3 + 64;
    assert.deepEqual([word(fields), word(fields + 1), word(fields + 2)], [11, 9, 210]);
    assert.deepEqual([word(fields + 64), word(fields + 65), word(fields + 66)], [0xc000003e, 1000, 6]);
    assert.deepEqual([word(fields + 128), word(fields + 129)], [0x40000000, 0x60000000]);
    assert.equal(payload.subarray(-6).toString(), "my_key");
  });

  const refused: [string, string, RegExp][] = [
    ["an unknown system call", "-a always,exit -F arch=b64 -S nope", /my\.rules:1: no system call "nope" on x86_64/],
    ["a system call without its architecture", "-a always,exit -S execve", /-S needs -F arch/],
    ["an unknown field", "-a always,exit -F nope=1", /field "nope" is not known; known are/],
    ["an unknown option", "-D x", /option -D is not known/],
    ["an unknown action", "-a sometimes,exit -k x", /"sometimes,exit" is not known; known are always,exit/],
    ["a wrong number", "-a always,exit -F pid=abc", /"abc" is no number for pid/],
    ["a relative watch", "-w etc -p wa", /must be absolute/],
    ["a wrong permission", "-w /etc -p wz", /permission "z"/],
    ["an option without value", "-a", /-a needs a value/],
  ];
  for (const [what, text, pattern] of refused) it(`refuses ${what}`, () => assert.throws(() => compile(text), pattern));
});
