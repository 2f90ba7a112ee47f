{{/* Parts of the pods. */}}

{{/* The annotations; those of the values count more than those for Prometheus. */}}
{{- define "webrtc-observer.podAnnotations" -}}
{{- /* Certificates have no checksum: observers read them anew when they change. */ -}}
{{- $own := dict "checksum/config" (include "webrtc-observer.configuration" . | sha256sum) -}}
{{- $scraped := dict -}}
{{- if and .Values.prometheusAnnotations (not .Values.serviceMonitor.enabled) (ne (toString (.Values.endpoints.prometheus | default dict).enabled) "false") -}}
{{- $scraped = dict "prometheus.io/scrape" "true" "prometheus.io/port" (include "webrtc-observer.opsPort" .) "prometheus.io/path" "/metrics" -}}
{{- end -}}
{{- toYaml (merge dict $own (.Values.podAnnotations | default dict) $scraped) -}}
{{- end -}}

{{/* Who the pods are. OpenShift chooses users and groups itself and refuses others; those of the image are then left out. */}}
{{- define "webrtc-observer.podSecurityContext" -}}
{{- $context := deepCopy (.Values.podSecurityContext | default dict) -}}
{{- if .Capabilities.APIVersions.Has "security.openshift.io/v1" -}}
{{- range list "runAsUser" "runAsGroup" "fsGroup" -}}
{{- if eq (get $context . | toString) "10001" -}}{{- $_ := unset $context . -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- if $context }}{{ toYaml $context }}{{ end -}}
{{- end -}}

{{/* A probe, of (list endpoint values). */}}
{{- define "webrtc-observer.probe" -}}
httpGet:
  path: /health/{{ index . 0 }}
  port: ops
{{- with index . 1 }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The affinities of the values, and that observers avoid each other's machine. */}}
{{- define "webrtc-observer.affinity" -}}
{{- $affinity := deepCopy (.Values.affinity | default dict) -}}
{{- if and (ne .Values.podAntiAffinity "none") (not (hasKey $affinity "podAntiAffinity")) -}}
{{- $term := dict "topologyKey" "kubernetes.io/hostname" -}}
{{- $_ := set $term "labelSelector" (dict "matchLabels" (include "webrtc-observer.selector" . | fromYaml)) -}}
{{- $rule := dict "requiredDuringSchedulingIgnoredDuringExecution" (list $term) -}}
{{- if eq .Values.podAntiAffinity "soft" -}}
{{- $rule = dict "preferredDuringSchedulingIgnoredDuringExecution" (list (dict "weight" 100 "podAffinityTerm" $term)) -}}
{{- end -}}
{{- $_ := set $affinity "podAntiAffinity" $rule -}}
{{- end -}}
{{- if $affinity }}{{ toYaml $affinity }}{{ end -}}
{{- end -}}

{{/* Of the volumes `tmp` and `data`, those that the values have none for: `tmp data`, or less. */}}
{{- define "webrtc-observer.emptyVolumes" -}}
{{- $given := list -}}
{{- range .Values.extraVolumes -}}{{- $given = append $given .name -}}{{- end -}}
{{- range .Values.volumeClaimTemplates -}}{{- $given = append $given .metadata.name -}}{{- end -}}
{{- $empty := list -}}
{{- range list "tmp" "data" -}}
{{- if not (has . $given) -}}{{- $empty = append $empty . -}}{{- end -}}
{{- end -}}
{{- join " " $empty -}}
{{- end -}}
