{{/* The observer's configuration: what stands in the values, and what a chart knows better. */}}

{{/* A port, of (list value default key): a number, or the default of ${NAME:7080}, which stands in observer.yaml. */}}
{{- define "webrtc-observer.port" -}}
{{- $value := index . 0 -}}
{{- if kindIs "invalid" $value -}}
{{- index . 1 -}}
{{- else if not (kindIs "string" $value) -}}
{{- int $value -}}
{{- else if regexMatch "^(\\$\\{[^:}]+:)?[0-9]+\\}?$" $value -}}
{{- regexFind "[0-9]+\\}?$" $value | trimSuffix "}" -}}
{{- else -}}
{{- fail (printf "%s is %q: the Services and probes need a number" (index . 2) $value) -}}
{{- end -}}
{{- end -}}

{{- define "webrtc-observer.samplesPort" -}}
{{- $server := .Values.micronaut.server | default dict -}}
{{- include "webrtc-observer.port" (list $server.port 7080 "micronaut.server.port") -}}
{{- end -}}

{{- define "webrtc-observer.opsPort" -}}
{{- $all := .Values.endpoints.all | default dict -}}
{{- include "webrtc-observer.port" (list $all.port 7081 "endpoints.all.port") -}}
{{- end -}}

{{- define "webrtc-observer.clusterPort" -}}
{{- $endpoint := (.Values.observer.hamok | default dict).endpoint | default dict -}}
{{- $config := $endpoint.config | default dict -}}
{{- include "webrtc-observer.port" (list $config.serverPort 5601 "observer.hamok.endpoint.config.serverPort") -}}
{{- end -}}

{{/* The least number of observers. */}}
{{- define "webrtc-observer.least" -}}
{{- if .Values.autoscaling.enabled }}{{ int .Values.autoscaling.minReplicas }}{{ else }}{{ int .Values.replicas }}{{ end -}}
{{- end -}}

{{- define "webrtc-observer.minRemotePeers" -}}
{{- ((.Values.observer.sources | default dict).websocket | default dict).minRemotePeers | default 0 -}}
{{- end -}}

{{/* How long a pod may take to end. (s) */}}
{{- define "webrtc-observer.terminationGrace" -}}
{{- $grace := .Values.observer.shutdownGraceInS -}}
{{- if kindIs "invalid" $grace }}{{ $grace = 25 }}{{ end -}}
{{- $own := .Values.terminationGracePeriodSeconds -}}
{{- if not (regexMatch "^[0-9.]+$" (toString $grace)) -}}
{{- if kindIs "invalid" $own -}}
{{- fail (printf "observer.shutdownGraceInS is %q: how long that is cannot be known here, so set terminationGracePeriodSeconds" $grace) -}}
{{- end -}}
{{- int $own -}}
{{- else -}}
{{- $needed := add (int .Values.preStopSleepSeconds) (int (ceil (float64 $grace))) -}}
{{- if kindIs "invalid" $own -}}
{{- add $needed 10 -}}
{{- else if le (int $own) (int $needed) -}}
{{- fail (printf "terminationGracePeriodSeconds is %d: an observer would be killed before it has delivered what it accepted; it needs more than preStopSleepSeconds + observer.shutdownGraceInS, which is %d" (int $own) (int $needed)) -}}
{{- else -}}
{{- int $own -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* How observers find each other: by the API, unless the values list peers. */}}
{{- define "webrtc-observer.discovery" -}}
{{- $own := (.Values.observer.hamok | default dict).discovery | default dict -}}
{{- $config := $own.config | default dict -}}
{{- if and (eq (default "" $own.type) "StaticDiscovery") $config.peers -}}
{{- toYaml $own -}}
{{- else -}}
{{- $selector := list -}}
{{- range $key, $value := include "webrtc-observer.selector" . | fromYaml -}}
{{- $selector = append $selector (printf "%s=%s" $key $value) -}}
{{- end -}}
{{- $chart := dict "namespace" .Release.Namespace "prefix" (printf "%s-" (include "webrtc-observer.fullname" .)) -}}
{{- $_ := set $chart "labelSelector" (join "," $selector) -}}
{{- $_ := set $chart "port" (include "webrtc-observer.clusterPort" . | int) -}}
{{- $_ := set $chart "service" (include "webrtc-observer.headless" .) -}}
{{- $_ := set $chart "clusterDomain" .Values.clusterDomain -}}
{{- $_ := mustMergeOverwrite $chart (omit $config "peers") -}}
{{- toYaml (dict "type" "K8sPodsDiscovery" "config" $chart) -}}
{{- end -}}
{{- end -}}

{{/* Where an observer listens for the others, and how they know it. */}}
{{- define "webrtc-observer.endpoint" -}}
{{- $own := (.Values.observer.hamok | default dict).endpoint | default dict -}}
{{- $chart := dict "advertisedHost" (printf "${POD_NAME}.%s" (include "webrtc-observer.domain" .)) -}}
{{- $_ := set $chart "serverHost" (include "webrtc-observer.anyHost" .) -}}
{{- if .Values.tls.enabled -}}
{{- $folder := "/etc/webrtc-observer/tls" -}}
{{- $files := dict "ca" (printf "%s/ca.crt" $folder) "cert" (printf "%s/tls.crt" $folder) "key" (printf "%s/tls.key" $folder) -}}
{{- $_ := set $chart "tls" $files -}}
{{- end -}}
{{- $config := mustMergeOverwrite $chart (deepCopy ($own.config | default dict)) -}}
{{- $_ := set $config "serverPort" (include "webrtc-observer.clusterPort" . | int) -}}
{{- toYaml (dict "type" (default "WebsocketEndpoint" $own.type) "config" $config) -}}
{{- end -}}

{{/* All addresses of the pods' family. */}}
{{- define "webrtc-observer.anyHost" -}}
{{- ternary "::" "0.0.0.0" (eq .Values.ipFamily "IPv6") -}}
{{- end -}}

{{/* A block with a host and a port, of (list block port context): the host is all addresses, unless one is named. */}}
{{- define "webrtc-observer.listening" -}}
{{- $block := deepCopy (index . 0 | default dict) -}}
{{- if has ($block.host | default "0.0.0.0") (list "0.0.0.0" "::") -}}
{{- $_ := set $block "host" (include "webrtc-observer.anyHost" (index . 2)) -}}
{{- end -}}
{{- $_ := set $block "port" (index . 1 | int) -}}
{{- toYaml $block -}}
{{- end -}}

{{/* The whole file. */}}
{{- define "webrtc-observer.configuration" -}}
{{- $micronaut := deepCopy .Values.micronaut -}}
{{- $server := include "webrtc-observer.listening" (list .Values.micronaut.server (include "webrtc-observer.samplesPort" .) .) -}}
{{- $_ := set $micronaut "server" (fromYaml $server) -}}
{{- $endpoints := deepCopy .Values.endpoints -}}
{{- $all := include "webrtc-observer.listening" (list .Values.endpoints.all (include "webrtc-observer.opsPort" .) .) -}}
{{- $_ := set $endpoints "all" (fromYaml $all) -}}
{{- $observer := deepCopy .Values.observer -}}
{{- $hamok := omit ($observer.hamok | default dict) "discovery" "endpoint" -}}
{{- if .Values.cluster.enabled -}}
{{- $_ := set $hamok "discovery" (include "webrtc-observer.discovery" . | fromYaml) -}}
{{- $_ := set $hamok "endpoint" (include "webrtc-observer.endpoint" . | fromYaml) -}}
{{- end -}}
{{- $_ := set $observer "hamok" $hamok -}}
{{- /* A sink that one file of values has, and a later one takes away with null. */ -}}
{{- range $name, $sink := .Values.observer.sinks -}}
{{- if kindIs "invalid" $sink -}}{{- $_ := unset $observer.sinks $name -}}{{- end -}}
{{- end -}}
{{- toYaml (dict "micronaut" $micronaut "endpoints" $endpoints "observer" $observer) -}}
{{- end -}}
