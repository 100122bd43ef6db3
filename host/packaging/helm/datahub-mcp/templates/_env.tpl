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
{{- /* Helm reads numbers as floats, and would write 2097152 as 2.097152e+06. */}}
{{- if and (kindIs "float64" $value) (eq (float64 (int64 $value)) $value) }}
- {name: {{ $name }}, value: {{ $value | int64 | quote }}}
{{- else }}
- {name: {{ $name }}, value: {{ $value | toString | quote }}}
{{- end }}
{{- end }}
{{- range .Values.secret.keys }}
- {name: {{ . }}_FILE, value: "/secrets/{{ . }}"}
{{- end }}
{{- end }}
