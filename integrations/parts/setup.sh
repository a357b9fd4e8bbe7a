#!/bin/sh
# Brings the Hosttrail agent onto this host, from files that lie beside this script; what is there already is not changed.
# usage: setup.sh host | image | sealed
#   host    installs, configures, enrols, starts, and fails unless an event of this host was stored
#   image   installs and configures for an image: nothing is started, and no identity is made; each host that boots from it makes its own
#   sealed  fails where this root has an identity, or anything that an agent has kept: the last word of whoever makes an image
set -eu
umask 077
here=$(dirname "$(readlink -f "$0")")
version={{quote version}}
config=/etc/hosttrail-agent
state=/var/lib/hosttrail-agent
unit=hosttrail-agent.service

fail() {
  printf 'hosttrail: %s\n' "$*" >&2
  exit 1
}

# What an agent keeps; empty for nothing.
kept() { find "$state" /run/hosttrail-agent "$config" \( -path "$state/*" -o -path '/run/hosttrail-agent/*' -o -name '*token*' -o -name '*.key' \) -print 2>/dev/null | head -n 5; }

sealed() {
  found=$(kept)
  [ -z "$found" ] || fail "this root is not for an image: an agent has kept something here, which every host would have alike:
$found
Make the image of a root where no agent has run."
}

if command -v dpkg-query >/dev/null; then format=deb; else format=rpm; fi
case $(uname -m) in
  x86_64) arch=x64 deb_arch=amd64 rpm_arch=x86_64 ;;
  aarch64) arch=arm64 deb_arch=arm64 rpm_arch=aarch64 ;;
  *) fail "there are packages for x86_64 and aarch64; this host is $(uname -m). Nothing was changed." ;;
esac
if [ "$format" = deb ]; then file=hosttrail-agent_${version}_$deb_arch.deb; else file=hosttrail-agent-$version-1.$rpm_arch.rpm; fi
case $format-$arch in
{{#each sums}}
  {{this.name}}) sha256={{this.sum}} ;;
{{/each}}
  *) sha256='' ;;
esac

installed() {
  if [ "$format" = deb ]; then
    dpkg-query --show --showformat='${db:Status-Status} ${Version}' hosttrail-agent 2>/dev/null | sed -n 's/^installed //p'
  else
    rpm -q --queryformat '%{VERSION}' hosttrail-agent 2>/dev/null || true
  fi
}

# Whatever would make the rest fail later is found here, before anything is changed.
preflight() {
  [ "$(id -u)" = 0 ] || fail "this must be run as root. Nothing was changed."
  command -v systemctl >/dev/null || fail "the agent is run by systemd, which is not here. Nothing was changed."
{{#unless isRepository}}
  [ -n "$sha256" ] || fail "the fleet spec has no agent.artifact.sha256 for $format and $arch, which this host's package must be checked by. Nothing was changed."
{{/unless}}
  for folder in /etc /usr /var/lib; do
    [ -w "$folder" ] || fail "$folder cannot be written to (read-only?). Nothing was changed."
    left=$(df --block-size=M --output=avail "$folder" | tail -n 1 | tr -cd 0-9)
    [ "$(installed)" = "$version" ] || [ "$left" -ge 300 ] || fail "$folder has $left MiB left; installing the agent takes 300 MiB. Nothing was changed."
  done
{{#if failsBesideAuditd}}
  if systemctl is-active --quiet auditd.service; then
    fail "auditd runs here and audit_mode is {{auditMode}}. Nothing was changed. Take audit_mode auto or multicast, which read beside it, or stop auditd yourself."
  fi
{{/if}}
}

install_package() {
  if [ "$(installed)" = "$version" ]; then return; fi
{{#if isRepository}}
  if [ "$format" = deb ]; then
    install -d -m 755 /etc/apt/keyrings
    install -m 644 "$here/repository.asc" /etc/apt/keyrings/hosttrail.asc
    printf 'Types: deb\nURIs: %s\nSuites: stable\nComponents: main\nSigned-By: /etc/apt/keyrings/hosttrail.asc\n' {{quote aptUrl}} >/etc/apt/sources.list.d/hosttrail.sources
    chmod 644 /etc/apt/sources.list.d/hosttrail.sources
    # This one alone: another one that cannot be reached is not our matter.
    apt-get -q -o Dir::Etc::SourceList=/etc/apt/sources.list.d/hosttrail.sources -o Dir::Etc::SourceParts=- \
      -o APT::Get::List-Cleanup=0 -o APT::Update::Error-Mode=any update >&2 || fail "the repository cannot be read; see above"
    package=hosttrail-agent=$version
  else
    install -d -m 755 /etc/pki/rpm-gpg
    install -m 644 "$here/repository.asc" /etc/pki/rpm-gpg/RPM-GPG-KEY-hosttrail
    if command -v zypper >/dev/null; then repositories=/etc/zypp/repos.d; else repositories=/etc/yum.repos.d; fi
    printf '[hosttrail]\nname=Hosttrail\nbaseurl=%s\nenabled=1\ngpgcheck=1\nrepo_gpgcheck=1\ngpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-hosttrail\nmetadata_expire=60\n' \
      {{quote rpmUrl}} >"$repositories/hosttrail.repo"
    chmod 644 "$repositories/hosttrail.repo"
    # dnf takes the key from the repository's file; zypper would ask.
    if command -v zypper >/dev/null; then rpm --import /etc/pki/rpm-gpg/RPM-GPG-KEY-hosttrail; fi
    package=hosttrail-agent-$version
  fi
{{else}}
  package=$here/$file
{{#if isDownload}}
  [ -f "$package" ] || curl --fail --silent --show-error --location --proto '=https,http' {{#if proxy}}--proxy {{quote proxy}} {{/if}}--output "$package" {{quote url}}/"$file" ||
    fail "$file cannot be downloaded. Nothing was changed."
{{else}}
  [ -f "$package" ] || fail "the package $file is not beside this script ($here). Nothing was changed."
{{/if}}
  sum=$(sha256sum "$package" | cut -d' ' -f1)
  [ "$sum" = "$sha256" ] || fail "$file has sha256 $sum; the fleet spec wants sha256 $sha256. Nothing was changed."
{{/if}}
  if [ "$format" = deb ]; then
    DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 --no-install-recommends install "$package" >&2
  elif command -v dnf >/dev/null; then
    dnf -q -y install "$package" >&2
  elif command -v zypper >/dev/null; then
    # A file was checked by the spec's sha256; packages of a repository are by its key.
    zypper --non-interactive {{#unless isRepository}}--no-gpg-checks {{/unless}}install "$package" >&2
  else
    yum -q -y install "$package" >&2
  fi || fail "$package could not be installed; see above"
}

# put MODE NAME PATH [CHECK...]: the file beside this script, where the agent takes it.
put() {
  mode=$1 from=$here/$2 to=$3
  shift 3
  if [ $# -gt 0 ]; then "$@" "$from" >&2 || fail "$to was left as it is: what was to replace it is wrong, see above"; fi
  mkdir -p "$(dirname "$to")"
  install -m "$mode" "$from" "$to"
}

configure() {
  put 644 ca.pem "$config/ca.pem"
  put 644 spec "$config/spec"
{{#if hasOwnRules}}
  put 600 fleet.rules "$config/rules.d/fleet.rules" /usr/bin/hosttrail-agent rules check
{{/if}}
  put 600 agent.yaml "$config/agent.yaml" /usr/bin/hosttrail-agent --check-config --config
{{#if proxy}}
  put 644 proxy.conf "/etc/systemd/system/$unit.d/proxy.conf"
  chmod 755 "/etc/systemd/system/$unit.d"
{{/if}}
{{#if setsCommandLine}}
  # Nothing is rebooted here: whoever owns the host does that.
  if [ -d /etc/default/grub.d ]; then
    printf 'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX audit=1 audit_backlog_limit=%s"\n' {{backlogLimit}} >/etc/default/grub.d/hosttrail.cfg
    chmod 644 /etc/default/grub.d/hosttrail.cfg
    update-grub >&2 || fail "update-grub failed, see above"
  elif [ -x /usr/sbin/grubby ]; then
    /usr/sbin/grubby --update-kernel=ALL --args='audit=1 audit_backlog_limit={{backlogLimit}}' >&2 || fail "grubby failed, see above"
  else
    fail "kernel.command_line is set, and this host has neither /etc/default/grub.d nor grubby"
  fi
{{/if}}
  systemctl enable --quiet "$unit"
}

{{#if wantsToken}}
# Never on a command line, and only where the agent, which deletes it when it was used, may read it.
give_token() {
  if [ -e "$state/identity/host.crt" ]; then return; fi
{{#if awsCommand}}
  session=$(curl -sf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token)
  region=$(curl -sf -H "X-aws-ec2-metadata-token: $session" http://169.254.169.254/latest/meta-data/placement/region)
  {{awsCommand}} --region "$region" --output text >"$here/token" || fail "the enrolment token cannot be read: does the instance's role allow it?"
{{/if}}
  [ -s "$here/token" ] || fail "there is no enrolment token: put it (hosttrail token create) into $here/token, of mode 0600, before this runs"
  install -m 600 "$here/token" "$state/enrollment-token"
  rm -f "$here/token"
}

{{/if}}
case ${1:-} in
  host)
    preflight
    install_package
    configure
{{#if wantsToken}}
    give_token
{{/if}}
    systemctl daemon-reload
    systemctl start "$unit" || fail "the agent does not start: $(journalctl -u "$unit" -n 3 -o cat --no-pager)"
    /usr/bin/hosttrail-agent verify --timeout {{verifyTimeout}}
    ;;
  image)
    preflight
    sealed
    install_package
    configure
    sealed
    ;;
  sealed) sealed ;;
  *) fail "usage: setup.sh host | image | sealed" ;;
esac
