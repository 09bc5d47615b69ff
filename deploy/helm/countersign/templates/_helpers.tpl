{{/* Names and labels; `part` is service or gateway. */}}
{{- define "countersign.name" -}}
{{- ternary .root.Release.Name (printf "%s-%s" .root.Release.Name .part) (eq .part "service") | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{- define "countersign.select" -}}
app.kubernetes.io/name: countersign
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end }}

{{- define "countersign.labels" -}}
{{ include "countersign.select" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{/* What holds for every pod: no root, no token of the cluster's. */}}
{{- define "countersign.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
terminationGracePeriodSeconds: 45
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{/* And for every container: nothing it could gain, nothing it could write but what is mounted for that. */}}
{{- define "countersign.container" -}}
image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  privileged: false
  capabilities: {drop: [ALL]}
{{- end }}

{{/* Egress that both have: names, and the outside world without what is private. */}}
{{- define "countersign.world" -}}
- to: {{- toYaml .Values.network.dns | nindent 4 }}
  ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]
- to:
    - ipBlock: {cidr: 0.0.0.0/0, except: {{ toJson .Values.network.private }}}
    - ipBlock: {cidr: "2000::/3"}
{{- end }}
