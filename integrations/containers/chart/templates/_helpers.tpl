{{- define "hosttrail.name" -}}{{ printf "%s-%s" .Release.Name .role | trunc 63 | trimSuffix "-" }}{{- end -}}
{{- define "hosttrail.labels" -}}
app.kubernetes.io/name: hosttrail-collector
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: {{ .role }}
{{- end -}}
{{- define "hosttrail.image" -}}
{{ .Values.image.repository }}{{ if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end -}}
