# The module agent-install: what it writes, and that each bound of its variables holds.
run "defaults_of_the_fleet" {
  command = plan

  module {
    source = "./modules/agent-install"
  }

  assert {
    condition     = can(yamldecode(output.agent_yaml))
    error_message = "agent.yaml must be YAML"
  }
  assert {
    condition     = tolist(yamldecode(output.agent_yaml).collector.endpoints) == var.agent_collector_endpoints
    error_message = "agent.yaml must have the collector's endpoints"
  }
  assert {
    condition     = startswith(output.script, "#!/bin/sh\n")
    error_message = "the script must be one"
  }
  assert {
    condition     = output.package_files.deb.arm64 == "hosttrail-agent_${replace(output.version, "-", "~")}_arm64.deb"
    error_message = "the package's file must be named as packages are"
  }
}

run "characters_stay_as_they_are" {
  command = plan

  module {
    source = "./modules/agent-install"
  }
  variables {
    agent_redaction_patterns = ["<a>&\"b\""]
    agent_labels             = { b = "2", a = "1" }
  }

  assert {
    condition     = strcontains(output.agent_yaml, "patterns: [\"<a>&\\\"b\\\"\"]")
    error_message = "JSON must have its own characters, as the other modules write it"
  }
  assert {
    condition     = strcontains(output.agent_yaml, "labels: {\"a\":\"1\",\"b\":\"2\"}")
    error_message = "keys must be in order"
  }
}

run "fail_if_auditd_reads_as_auto" {
  command = plan

  module {
    source = "./modules/agent-install"
  }
  variables {
    agent_audit_mode = "fail-if-auditd"
  }

  assert {
    condition     = yamldecode(output.agent_yaml).source.mode == "auto"
    error_message = "the agent itself knows no fail-if-auditd"
  }
  assert {
    condition     = strcontains(output.script, "auditd runs here and audit_mode is fail-if-auditd")
    error_message = "the script must refuse hosts where auditd runs"
  }
}

run "kernel_is_told_only_where_wanted" {
  command = plan

  module {
    source = "./modules/agent-install"
  }
  variables {
    agent_audit_mode          = "auto"
    agent_kernel_command_line = "set"
    agent_backlog_limit       = 12345
  }

  assert {
    condition     = strcontains(output.script, "kernel_arguments=\"audit=1 audit_backlog_limit=12345\"")
    error_message = "the boot loader must be told"
  }
}

run "kernel_is_left_alone" {
  command = plan

  module {
    source = "./modules/agent-install"
  }
  variables {
    agent_kernel_command_line = "warn"
  }

  assert {
    condition     = !strcontains(output.script, "kernel_arguments=")
    error_message = "a warning must change no boot loader"
  }
}

run "golden_image_starts_nothing" {
  command = plan

  module {
    source = "./modules/agent-install"
  }
  variables {
    agent_golden_image = true
  }

  assert {
    condition     = !strcontains(output.script, "systemctl start")
    error_message = "a golden image must not start the agent"
  }
}
