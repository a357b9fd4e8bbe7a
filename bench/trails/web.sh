#!/bin/sh
# What the trail web.zst shows: a web server's day in a minute. Health checks, log rotation, certificates, a deployment by archive, a
# database that does not answer, and the short programs of monitoring in between. Recorded by record.ts.
set -u
dir=$(mktemp -d /tmp/site.XXXXXX)
cd "$dir" || exit 1
mkdir -p www logs releases shared
echo '<h1>shop</h1>' > www/index.html
python3 -m http.server 18080 --bind 127.0.0.1 --directory www > logs/access.log 2>&1 &
server=$!
sleep 1
for round in $(seq 60); do
  for check in / /index.html /health /cart /api/v1/orders; do
    curl -fsS -o /dev/null --max-time 2 "http://127.0.0.1:18080$check" || true
  done
  psql -h 127.0.0.1 -p 15432 -U shop -c 'select 1' shop || true
  wc -l logs/access.log | awk '{print $1}'; tail -n 20 logs/access.log | cut -d' ' -f1 | sort | uniq -c | sort -rn | head -n 3
  df -P / | tail -n 1 | awk '{print $5}' | tr -d '%'; cat /proc/loadavg | cut -d' ' -f1; free -m | awk '/Mem/ {print $7}'
  grep -c processor /proc/cpuinfo; uptime; hostname; date -u +%FT%TZ
  cp logs/access.log "logs/access.log-2026010$round"; gzip -f "logs/access.log-2026010$round"; find logs -name '*.gz' -mtime +7 -delete
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout shared/key.pem -out shared/cert.pem -days 2 -subj /CN=shop.example
  openssl x509 -noout -enddate -in shared/cert.pem; chmod 640 shared/key.pem; chown root:www-data shared/key.pem
  release="releases/2026010${round}120000"
  mkdir -p "$release" && cp -r www "$release/" && tar czf "$release.tar.gz" -C "$release" . && sha256sum "$release.tar.gz"
  ln -sfn "$dir/$release" current; readlink -f current; ls -1t releases | tail -n +6 | xargs -r -I{} rm -rf "releases/{}"
  python3 -c 'import json,sys; print(json.dumps({"status": "ok"}))' > shared/status.json
done
kill "$server"
cd / && rm -rf "$dir"
