/** `hosttrail completion`, and the manual page. */
import { Argument } from "commander";
import { completionScript, type Shell, SHELLS } from "../completion/index.ts";
import { manualPage } from "../manual/index.ts";
import type { CliCommand } from "./command.ts";
import { runs } from "./runtime.ts";

export function defineShells(program: CliCommand): void {
  program.commandsGroup("Shell:");
  const completion = program
    .command("completion")
    .description("what a shell needs to complete commands, options, fields and values")
    .addArgument(new Argument("<SHELL>", "which").choices(SHELLS))
    .example("completion bash > ~/.local/share/bash-completion/completions/hosttrail", "for bash")
    .example("completion zsh > ~/.zfunc/_hosttrail", "for zsh, where ~/.zfunc is in $fpath")
    .example("completion fish > ~/.config/fish/completions/hosttrail.fish", "for fish");
  runs(completion, ({ output }, [shell = ""]) => output.print(completionScript(shell as Shell, program)));
  const manual = program.command("manual").description("the manual page hosttrail(1), in mdoc");
  runs(manual, ({ output }) => output.print(manualPage(program)));
}
