"""What a host with the agent is like, whatever tool has built it. HOSTTRAIL_VERSION names the version that it shall have."""

import json
import os

VERSION = os.environ["HOSTTRAIL_VERSION"]


def test_package(host):
    package = host.package("hosttrail-agent")
    assert package.is_installed
    assert package.version == VERSION
    assert host.check_output("hosttrail-agent --version") == f"hosttrail-agent {VERSION}"


def test_service(host):
    service = host.service("hosttrail-agent")
    assert service.is_running
    assert service.is_enabled
    assert host.check_output("systemctl show -P NRestarts hosttrail-agent") == "0"


def test_configuration(host):
    for path, mode in {
        "/etc/hosttrail-agent": 0o700,
        "/etc/hosttrail-agent/agent.yaml": 0o600,
        "/etc/hosttrail-agent/ca.pem": 0o644,
        "/etc/hosttrail-agent/rules.d/fleet.rules": 0o600,
        "/var/lib/hosttrail-agent": 0o700,
        "/var/lib/hosttrail-agent/identity/host.key": 0o600,
    }.items():
        file = host.file(path)
        assert file.exists, path
        assert (file.user, file.group) == ("root", "root"), path
        assert file.mode == mode, path
    assert host.run("hosttrail-agent --check-config").rc == 0
    assert host.run("hosttrail-agent rules check /etc/hosttrail-agent/rules.d/fleet.rules").rc == 0


def test_no_secret_is_left(host):
    assert not host.file("/var/lib/hosttrail-agent/enrollment-token").exists
    # Not what the test itself mounts into the host, wherever the project lies.
    leftovers = host.check_output("find /var/tmp /tmp -xdev -name 'hosttrail*' | head")
    assert leftovers == ""
    # A token begins with what tells scanners that it is one.
    found = host.run("grep -rlE --exclude-dir=.hosttrail 'hte_[A-Za-z0-9_-]{20}' /etc /var/lib /var/log /root /tmp /var/tmp 2>/dev/null")
    assert found.stdout == ""
    journal = host.run("journalctl -o cat | grep -E 'hte_[A-Za-z0-9_-]{20}'")
    assert journal.stdout == ""


def test_events_arrive(host):
    proof = json.loads(host.check_output("hosttrail-agent verify --json --timeout 60"))
    assert proof["version"] == VERSION
    assert len(proof["rules_sha256"]) == 64
