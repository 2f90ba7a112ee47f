{{/* Names and labels. */}}

{{- define "webrtc-observer.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{/*
What all names begin with: at most 50 characters, as a StatefulSet's name and a hash must fit a label. The release's
name is enough where it is part of the chart's (`observer`), or the other way round.
*/}}
{{- define "webrtc-observer.fullname" -}}
{{- $name := include "webrtc-observer.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if or (contains $name .Release.Name) (hasSuffix (printf "-%s" .Release.Name) $name) -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* The Service without an address of its own, which gives each pod its name. */}}
{{- define "webrtc-observer.headless" -}}
{{- include "webrtc-observer.fullname" . }}-cluster
{{- end -}}

{{/* The domain of the pods' names. */}}
{{- define "webrtc-observer.domain" -}}
{{- include "webrtc-observer.headless" . }}.{{ .Release.Namespace }}.svc.{{ .Values.clusterDomain }}
{{- end -}}

{{- define "webrtc-observer.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "webrtc-observer.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "webrtc-observer.tlsSecret" -}}
{{- default (printf "%s-cluster-tls" (include "webrtc-observer.fullname" .)) .Values.tls.existingSecret -}}
{{- end -}}

{{- define "webrtc-observer.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* The labels of all objects. */}}
{{- define "webrtc-observer.labels" -}}
{{- include "webrtc-observer.labelsOf" (list . "" dict) -}}
{{- end -}}

{{/*
The labels of an object that has a component, or labels of its own, of (list context component labels). By some of them
it is found, so these cannot be others; the object's own count more than commonLabels.
*/}}
{{- define "webrtc-observer.labelsOf" -}}
{{- $context := index . 0 -}}
{{- $found := dict "app.kubernetes.io/name" (include "webrtc-observer.name" $context) "app.kubernetes.io/instance" $context.Release.Name -}}
{{- $_ := set $found "app.kubernetes.io/managed-by" $context.Release.Service -}}
{{- with index . 1 -}}{{- $_ := set $found "app.kubernetes.io/component" . -}}{{- end -}}
{{- $chart := dict "app.kubernetes.io/version" $context.Chart.AppVersion "app.kubernetes.io/part-of" $context.Chart.Name -}}
{{- $version := printf "%s-%s" $context.Chart.Name $context.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" -}}
{{- $_ := set $chart "helm.sh/chart" $version -}}
{{- toYaml (merge dict $found (index . 2 | default dict) ($context.Values.commonLabels | default dict) $chart) -}}
{{- end -}}

{{/* The labels by which observers are found, and nothing else. They never change, as a StatefulSet's may not. */}}
{{- define "webrtc-observer.selector" -}}
{{- include "webrtc-observer.selectorOf" (list . "observer") -}}
{{- end -}}

{{/* The labels of the pod of `helm test`. */}}
{{- define "webrtc-observer.testSelector" -}}
{{- include "webrtc-observer.selectorOf" (list . "test") -}}
{{- end -}}

{{- define "webrtc-observer.selectorOf" -}}
{{- $context := index . 0 -}}
{{- $found := dict "app.kubernetes.io/name" (include "webrtc-observer.name" $context) "app.kubernetes.io/instance" $context.Release.Name -}}
{{- toYaml (set $found "app.kubernetes.io/component" (index . 1)) -}}
{{- end -}}

{{/* The labels of an observer's pod. No version of the chart is among them, lest a new one replace pods in vain. */}}
{{- define "webrtc-observer.podLabels" -}}
{{- $chart := dict "app.kubernetes.io/version" .Chart.AppVersion "app.kubernetes.io/part-of" .Chart.Name -}}
{{- $own := include "webrtc-observer.selector" . | fromYaml -}}
{{- toYaml (merge dict $own (.Values.podLabels | default dict) (.Values.commonLabels | default dict) $chart) -}}
{{- end -}}
