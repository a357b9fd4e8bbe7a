# The kernel gets its audit rules and settings back.
if [ -e /etc/hosttrail-agent/agent.yaml ]; then /usr/bin/hosttrail-agent release >/dev/null 2>&1 || true; fi
