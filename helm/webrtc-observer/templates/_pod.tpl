{{/* Parts of the pods. */}}

{{/* A probe, of (list endpoint values). */}}
{{- define "webrtc-observer.probe" -}}
httpGet:
  path: /health/{{ index . 0 }}
  port: ops
{{ toYaml (index . 1) }}
{{- end -}}

{{/* The affinities of the values, and that observers avoid each other's machine. */}}
{{- define "webrtc-observer.affinity" -}}
{{- $affinity := deepCopy .Values.affinity -}}
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
