"""The script that a page of Jitsi Meet includes to push its metrics."""

from collections.abc import Collection

import orjson

from schemas.client_metrics import QUALITY_LABELS, TRANSPORT_LABELS

CONTENT_TYPE = "text/javascript; charset=utf-8"


def script(push_url: str | None, push_path: str, labels: Collection[str]) -> bytes:
    """The script. It pushes to `push_url`; without one, to `push_path` where the script itself came from.

    Of user names, regions and transports only those among `labels` leave the page.
    """
    sent = {name: name in labels for name in (*QUALITY_LABELS, *TRANSPORT_LABELS)}
    text = _SCRIPT.replace("$PUSH_URL", _literal(push_url)).replace("$PUSH_PATH", _literal(push_path))
    return text.replace("$SENT", _literal(sent)).encode()


def _literal(value: object) -> str:
    """A value as JavaScript writes it, that ends neither a line, a text nor a script element, wherever it stands."""
    written = orjson.dumps(value).decode()
    for character in "<>&\u2028\u2029$":
        written = written.replace(character, f"\\u{ord(character):04x}")
    return written


_SCRIPT = """\
(function () {
  "use strict";

  var ROOM_CHECK_MS = 2000;
  var UPDATED = "cq.local_stats_updated";
  var ID_KEY = "jmmc_staticUserId";
  var SETTINGS_KEY = "features/base/settings";

  var sent = $SENT;
  var self = document.currentScript;
  var pushUrl = $PUSH_URL || new URL($PUSH_PATH, self ? self.src : window.location.href).href;
  var token = (self && self.dataset.token) || null;
  var heardRoom = null;
  var pageId = null;

  function freshId() {
    if (window.crypto.randomUUID) {
      return window.crypto.randomUUID();
    }
    var bytes = window.crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    var digits = Array.from(bytes, function (byte) {
      return byte.toString(16).padStart(2, "0");
    }).join("");
    return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  }

  // Without storage the id lasts as long as the page.
  function clientId() {
    try {
      var stored = window.localStorage.getItem(ID_KEY);
      if (!stored) {
        stored = pageId || freshId();
        window.localStorage.setItem(ID_KEY, stored);
      }
      return stored;
    } catch (error) {
      pageId = pageId || freshId();
      return pageId;
    }
  }

  function userName() {
    try {
      return JSON.parse(window.localStorage.getItem(SETTINGS_KEY)).displayName || null;
    } catch (error) {
      return null;
    }
  }

  function part(group, name) {
    return (group && group[name]) || null;
  }

  function gauge(group, name) {
    var value = group ? group[name] : null;
    return { value: typeof value === "number" && isFinite(value) ? value : null };
  }

  // Addresses come with a port behind the last colon; names of hosts are not told.
  function address(text) {
    var bare = String(text || "").replace(/:[0-9]+$/, "").replace(/^\\[|\\]$/g, "");
    var looksRight = /^[0-9]+([.][0-9]+){3}$|^[0-9a-f:.]*:[0-9a-f:.]*([0-9a-f]|::)$/i;
    return looksRight.test(bare) ? bare : null;
  }

  function kept(labels) {
    Object.keys(labels).forEach(function (name) {
      if (!sent[name]) {
        delete labels[name];
      }
    });
    return labels;
  }

  function transport(row) {
    return {
      labels: kept({
        src_ip: address(row.localip),
        dst_ip: address(row.ip),
        protocol: row.type === "tcp" || row.type === "udp" ? row.type : null,
        networkType: row.networkType ? String(row.networkType) : null,
      }),
      value: gauge(row, "rtt").value,
    };
  }

  function metrics(stats) {
    var quality = gauge(stats, "connectionQuality");
    if (quality.value !== null) {
      quality.value = Math.min(100, Math.max(0, quality.value));
    }
    quality.labels = kept({
      serverregion: stats.serverRegion ? String(stats.serverRegion) : null,
      username: sent.username ? userName() : null,
    });
    var audio = part(stats.bitrate, "audio");
    var video = part(stats.bitrate, "video");
    return {
      connectionquality: quality,
      bandwidth_upload: gauge(stats.bandwidth, "upload"),
      bandwidth_download: gauge(stats.bandwidth, "download"),
      bitrate_audio_upload: gauge(audio, "upload"),
      bitrate_audio_download: gauge(audio, "download"),
      bitrate_video_upload: gauge(video, "upload"),
      bitrate_video_download: gauge(video, "download"),
      bitrate_download: gauge(stats.bitrate, "download"),
      bitrate_upload: gauge(stats.bitrate, "upload"),
      packetloss_upload: gauge(stats.packetLoss, "upload"),
      packetloss_download: gauge(stats.packetLoss, "download"),
      packetloss_total: gauge(stats.packetLoss, "total"),
      transport_rtt: Array.isArray(stats.transport) ? stats.transport.map(transport) : [],
    };
  }

  // A push that fails is not sent again: the next one says more.
  function push(stats) {
    var conference = window.APP.conference;
    var participantId = conference.getMyUserId();
    if (!stats || !participantId || !conference.roomName) {
      return;
    }
    var headers = { "Content-Type": "application/json" };
    if (token) {
      headers.Authorization = "Bearer " + token;
    }
    var labels = {
      client_id: clientId(),
      participant_id: String(participantId),
      roomname: String(conference.roomName),
    };
    window
      .fetch(pushUrl, {
        method: "POST",
        mode: "cors",
        credentials: "omit",
        headers: headers,
        body: JSON.stringify({ default_labels: labels, metrics: metrics(stats) }),
      })
      .catch(function () {});
  }

  // Another conference brings another room.
  function listen() {
    var room = window.APP && window.APP.conference ? window.APP.conference._room : null;
    if (room && room !== heardRoom) {
      heardRoom = room;
      room.on(UPDATED, push);
    }
  }

  window.setInterval(listen, ROOM_CHECK_MS);
  listen();
})();
"""
