{{/* The names and labels of everything in the release. */}}
{{- define "consign.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{ .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end -}}
{{- end -}}

{{- define "consign.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "consign.labels" -}}
{{ include "consign.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* The Secret with the address of the database. */}}
{{- define "consign.databaseSecret" -}}
{{- if .Values.database.existingSecret -}}
{{ .Values.database.existingSecret }}
{{- else if .Values.database.url -}}
{{ include "consign.name" . }}-database
{{- else -}}
{{ fail "say where the database is: database.existingSecret, or database.url" }}
{{- end -}}
{{- end -}}

{{/* What a probe asks. The kubelet shows no certificate: where callers need one, it sees only whether the port is open. */}}
{{- define "consign.probe" -}}
{{- $values := (index . 0).Values -}}
{{- if $values.tls.clientAuthorities -}}
tcpSocket:
  port: grpc
{{- else -}}
httpGet:
  path: {{ index . 1 }}
  port: operations
  scheme: {{ ternary "HTTPS" "HTTP" (ne $values.tls.existingSecret "") }}
{{- end -}}
{{- end -}}
