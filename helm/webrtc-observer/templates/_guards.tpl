{{/* What values can only get wrong together. Each failure says what to do. */}}

{{- define "webrtc-observer.guards" -}}
{{- include "webrtc-observer.guardNames" . -}}
{{- include "webrtc-observer.guardNumber" . -}}
{{- include "webrtc-observer.guardCluster" . -}}
{{- include "webrtc-observer.guardPorts" . -}}
{{- include "webrtc-observer.guardHosts" . -}}
{{- include "webrtc-observer.guardAutoscaling" . -}}
{{- include "webrtc-observer.guardEnvironment" . -}}
{{- include "webrtc-observer.guardVolumes" . -}}
{{- include "webrtc-observer.guardMonitoring" . -}}
{{- $_ := include "webrtc-observer.terminationGrace" . -}}
{{- end -}}

{{- define "webrtc-observer.guardNames" -}}
{{- $name := include "webrtc-observer.fullname" . -}}
{{- $read := index (printf "name: %s" $name | fromYaml) "name" -}}
{{- if not (and (regexMatch "^[a-z]([a-z0-9-]*[a-z0-9])?$" $name) (kindIs "string" $read)) -}}
{{- fail (printf "%s cannot be the name of a Service, which is a word of small letters, digits and hyphens that begins with a letter: set fullnameOverride" $name) -}}
{{- end -}}
{{- end -}}

{{- define "webrtc-observer.guardVolumes" -}}
{{- range concat (.Values.extraVolumes | default list) (.Values.volumeClaimTemplates | default list) -}}
{{- $name := .name | default (.metadata | default dict).name -}}
{{- if has $name (list "config" "tls") -}}
{{- fail (printf "extraVolumes or volumeClaimTemplates has one named %s: the chart has that itself, so call yours otherwise" $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "webrtc-observer.guardNumber" -}}
{{- $given := not (kindIs "invalid" .Values.replicas) -}}
{{- if and .Values.autoscaling.enabled $given -}}
{{- fail (printf "replicas is %d and autoscaling.enabled is true: only one of them can set the number of observers; set replicas to null (--reuse-values would keep it)" (int .Values.replicas)) -}}
{{- else if and (not .Values.autoscaling.enabled) (not $given) -}}
{{- fail "replicas is null: say how many observers there are, or set autoscaling.enabled" -}}
{{- else if and $given (eq (int .Values.replicas) 0) -}}
{{- fail "replicas is 0: all observers would stop and forget all calls; for that, use helm uninstall or kubectl scale" -}}
{{- end -}}
{{- $peers := include "webrtc-observer.minRemotePeers" . -}}
{{- $least := include "webrtc-observer.least" . | int -}}
{{- if regexMatch "^[0-9]+$" $peers -}}
{{- if and (eq $least 1) (gt (int $peers) 0) -}}
{{- fail (printf "there may be a single observer, and observer.sources.websocket.minRemotePeers is %s: it would wait for others for ever and take no WebSocket; set it to 0" $peers) -}}
{{- else if ge (int $peers) $least -}}
{{- fail (printf "observer.sources.websocket.minRemotePeers is %s: of %d observers each has only %d others; 1 is a good value" $peers $least (sub $least 1)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "webrtc-observer.guardCluster" -}}
{{- $endpoint := ((.Values.observer.hamok | default dict).endpoint | default dict).config | default dict -}}
{{- if not .Values.cluster.enabled -}}
{{- if or .Values.autoscaling.enabled (gt (include "webrtc-observer.least" . | int) 1) -}}
{{- fail "cluster.enabled is false: several observers would know nothing of each other, and tell each call several times; set replicas to 1, or cluster.enabled to true" -}}
{{- end -}}
{{- else if not (or .Values.tls.enabled $endpoint.tls $endpoint.serverHost) -}}
{{- fail "tls.enabled is false: an observer refuses plain text on any address but loopback and would not start; leave it on (for one observer alone: cluster.enabled=false)" -}}
{{- else if and .Values.tls.existingSecret .Values.tls.certManager.enabled -}}
{{- fail "tls.existingSecret is set and tls.certManager.enabled is true: choose one of them" -}}
{{- else if ge (int .Values.tls.generated.renewBeforeDays) (int .Values.tls.generated.validityDays) -}}
{{- fail "tls.generated.renewBeforeDays must be less than tls.generated.validityDays, or each upgrade makes a new certificate" -}}
{{- else if lt (int .Values.tls.generated.authorityValidityDays) (int .Values.tls.generated.validityDays) -}}
{{- fail "tls.generated.authorityValidityDays must not be less than tls.generated.validityDays" -}}
{{- end -}}
{{- end -}}

{{- define "webrtc-observer.guardPorts" -}}
{{- $ports := list (include "webrtc-observer.samplesPort" .) (include "webrtc-observer.opsPort" .) -}}
{{- if .Values.cluster.enabled -}}{{- $ports = append $ports (include "webrtc-observer.clusterPort" .) -}}{{- end -}}
{{- if ne (len (uniq $ports)) (len $ports) -}}
{{- fail (printf "micronaut.server.port, endpoints.all.port and observer.hamok.endpoint.config.serverPort must differ: they are %s" (join ", " $ports)) -}}
{{- end -}}
{{- end -}}

{{- define "webrtc-observer.guardHosts" -}}
{{- $server := (.Values.micronaut.server | default dict).host -}}
{{- $all := (.Values.endpoints.all | default dict).host -}}
{{- range $key, $host := dict "micronaut.server.host" $server "endpoints.all.host" $all -}}
{{- if regexMatch "^(127\\.|localhost$|::1$|\\[::1\\]$)" (toString $host) -}}
{{- fail (printf "%s is %s: nobody outside of the pod would reach it, not even its probes; leave it out" $key $host) -}}
{{- end -}}
{{- end -}}
{{- $advertised := (((.Values.observer.hamok | default dict).endpoint | default dict).config | default dict).advertisedHost -}}
{{- if and $advertised (not (contains "${" (toString $advertised))) (gt (include "webrtc-observer.least" . | int) 1) -}}
{{- fail (printf "observer.hamok.endpoint.config.advertisedHost is %s: all observers would go by one name; leave it out" $advertised) -}}
{{- end -}}
{{- end -}}

{{- define "webrtc-observer.guardAutoscaling" -}}
{{- if .Values.autoscaling.enabled -}}
{{- if gt (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas) -}}
{{- fail (printf "autoscaling.minReplicas is %d, more than autoscaling.maxReplicas" (int .Values.autoscaling.minReplicas)) -}}
{{- end -}}
{{- if not ((.Values.resources.requests | default dict).cpu) -}}
{{- fail "autoscaling.enabled is true: autoscaling.targetCPUUtilizationPercentage is a share of resources.requests.cpu, so that must be set" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "webrtc-observer.guardEnvironment" -}}
{{- range .Values.env -}}
{{- if has .name (list "POD_NAME" "POD_IP" "NAMESPACE") -}}
{{- fail (printf "env has %s: the chart sets that itself" .name) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "webrtc-observer.guardMonitoring" -}}
{{- if eq (toString (.Values.endpoints.health | default dict).enabled) "false" -}}
{{- fail "endpoints.health.enabled is false: the probes ask it, so the pods would never be ready" -}}
{{- end -}}
{{- if and .Values.serviceMonitor.enabled (eq (toString (.Values.endpoints.prometheus | default dict).enabled) "false") -}}
{{- fail "serviceMonitor.enabled is true and endpoints.prometheus.enabled is false: there would be no metrics to read" -}}
{{- end -}}
{{- end -}}
