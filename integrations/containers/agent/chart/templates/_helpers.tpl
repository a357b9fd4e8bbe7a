{{- define "agent.name" -}}{{ .Release.Name | trunc 63 | trimSuffix "-" }}{{- end -}}
{{- define "agent.labels" -}}
app.kubernetes.io/name: hosttrail-agent
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}
{{- define "agent.image" -}}
{{ .Values.image.repository }}{{ if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end -}}
{{- define "agent.config" -}}
{{- $own := dict "host_root" "/proc/1/root" "state_directory" .Values.stateDirectory "runtime_directory" .Values.runtimeDirectory -}}
{{- toPrettyJson (merge $own (deepCopy .Values.config)) -}}
{{- end -}}
{{- /* Whether the node itself must be asked for. */ -}}
{{- define "agent.asks" -}}
{{- range $what := values .Values.nodeLabels }}{{ if ne $what "name" }}yes{{ end }}{{ end -}}
{{- end -}}
