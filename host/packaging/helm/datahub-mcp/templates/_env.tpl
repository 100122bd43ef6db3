{{- /* The settings of the server, which the test of the release checks. */}}
{{- define "datahub-mcp.env" -}}
{{- if .Values.stateClaim }}
- {name: OAUTH_STATE_DIR, value: /var/lib/datahub-mcp}
{{- end }}
# Gives Kubernetes time to remove the endpoint from the service while the pod still answers.
- {name: DATAHUB_MCP_SHUTDOWN_DELAY_SECS, value: "5"}
{{- if .Values.metricsPort }}
- {name: DATAHUB_MCP_ADMIN_ADDRESS, value: "0.0.0.0:{{ .Values.metricsPort | int64 }}"}
{{- end }}
{{- if .Values.pluginsImage }}
- {name: TOKEN_VALIDATOR_PLUGIN_DIR, value: "/plugins:/opt/datahub-mcp/plugins"}
{{- end }}
{{- range $name, $value := .Values.env }}
{{- /* Helm reads numbers as floats, and would write 2097152 as 2.097152e+06. Two conditions, because `and` in
       older versions of Helm compares values of any kind. */}}
{{- $text := $value | toString }}
{{- if kindIs "float64" $value }}
{{- if eq (float64 (int64 $value)) $value }}
{{- $text = $value | int64 | toString }}
{{- end }}
{{- end }}
- {name: {{ $name }}, value: {{ $text | quote }}}
{{- end }}
{{- if not (or (hasKey .Values.env "PUBLIC_URL") (hasKey .Values.env "OAUTH_RESOURCE_URL")) }}
{{- /* The ingress, or the name of the Service as other pods write it. */}}
{{- $service := printf "%s.%s" .Release.Name .Release.Namespace }}
{{- if .Values.ingress.enabled }}
- {name: PUBLIC_URL, value: {{ printf "%s://%s" (ternary "http" "https" (empty .Values.ingress.tlsSecret)) .Values.ingress.host | quote }}}
{{- else }}
- {name: PUBLIC_URL, value: {{ printf "http://%s%s" $service (ternary "" (printf ":%d" (int64 .Values.service.port)) (eq (int64 .Values.service.port) 80)) | quote }}}
{{- end }}
{{- if not (hasKey .Values.env "ALLOWED_HOSTS") }}
- {name: ALLOWED_HOSTS, value: {{ printf "%s:*,%s:*,%s.svc:*,%s.svc.cluster.local:*" .Release.Name $service $service $service | quote }}}
{{- end }}
{{- end }}
{{- range .Values.secret.keys }}
- {name: {{ . }}_FILE, value: "/secrets/{{ . }}"}
{{- end }}
{{- end }}
