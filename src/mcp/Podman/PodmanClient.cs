using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Mcp.Podman;

/// <summary>
/// libpod's REST API (v4.0.0 and later) over a Unix socket, typed. Every call is bounded in time and size and throws
/// <see cref="PodmanException"/>; a kept-alive connection makes a call cost 1 ms where the command line costs 48.
/// Names are for making and finding; everything that stops, removes or renames takes an id.
/// </summary>
internal sealed partial class PodmanClient : IDisposable
{
    private readonly PodmanTransport _transport;
    private readonly TimeProvider _clock;
    private KnownHost? _host;

    /// <summary>Opens nothing yet.</summary>
    public PodmanClient(string socketPath, PodmanLimits? limits = null, TimeProvider? clock = null)
    {
        _clock = clock ?? TimeProvider.System;
        _transport = new PodmanTransport(socketPath, limits ?? new PodmanLimits(), _clock);
    }

    /// <summary>Where podman listens by default: <c>/run/podman/podman.sock</c>, without root under <c>XDG_RUNTIME_DIR</c>.</summary>
    public static string DefaultSocketPath
    {
        get
        {
            if (Environment.IsPrivilegedProcess)
                return "/run/podman/podman.sock";
            var runtime = Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR");
            return Path.Combine(string.IsNullOrEmpty(runtime) ? "/run/user/unknown" : runtime, "podman/podman.sock");
        }
    }

    /// <summary>The socket this client speaks to.</summary>
    public string SocketPath => _transport.SocketPath;

    /// <summary>Bytes of one line in a stream of JSON lines.</summary>
    internal int StreamLineBytes => Limits.StreamLineBytes;

    private PodmanLimits Limits => _transport.Limits;

    /// <inheritdoc/>
    public void Dispose() => _transport.Dispose();

    /// <summary>Whether podman answers at all.</summary>
    /// <returns>Its version, as <c>4.3.1</c>; empty when it does not say.</returns>
    /// <exception cref="PodmanException">It does not.</exception>
    public async Task<string> PingAsync(CancellationToken ct)
    {
        await using var stream = await _transport.OpenAsync(HttpMethod.Get, "_ping", null, Limits.Connect, ct);
        return PodmanException.Words(stream.Header("Libpod-API-Version"));
    }

    /// <summary>
    /// As <see cref="InfoAsync"/>, but asked once for each version of podman: for <c>info</c> it asks the package manager to which package each of its
    /// helpers belongs, one process after another (Debian: four times dpkg-query; half a second of processor time, and seconds where there is little of it).
    /// </summary>
    /// <exception cref="PodmanException">It does not answer.</exception>
    public async Task<PodmanHost> HostAsync(CancellationToken ct)
    {
        var version = await PingAsync(ct);
        if (_host is { } kept && version.Length > 0 && kept.Version == version)
            return kept.Host;
        var host = await InfoAsync(ct);
        _host = new KnownHost(version, host);
        return host;
    }

    /// <summary>Version, storage, runtime and network of the podman behind the socket, asked now: dear (<see cref="HostAsync"/>).</summary>
    public async Task<PodmanHost> InfoAsync(CancellationToken ct)
    {
        using var document = await ReadAsync("info", ct);
        var info = document.RootElement;
        return new PodmanHost
        {
            Version = info.TextAt("version", "Version"),
            Rootless = info.TrueAt("host", "security", "rootless"),
            Selinux = info.TrueAt("host", "security", "selinuxEnabled"),
            Architecture = info.TextAt("host", "arch"),
            NetworkBackend = info.TextAt("host", "networkBackend"),
            CgroupManager = info.TextAt("host", "cgroupManager"),
            CgroupVersion = info.TextAt("host", "cgroupVersion"),
            Runtime = info.TextAt("host", "ociRuntime", "name"),
            StorageDriver = info.TextAt("store", "graphDriverName"),
            StorageRoot = info.TextAt("store", "graphRoot"),
        };
    }

    private sealed record KnownHost(string Version, PodmanHost Host);

    /// <summary>A name, id or image reference as one segment of a path: <c>/</c>, <c>?</c> and <c>..</c> in it lead nowhere else.</summary>
    private static string Segment(string name)
    {
        // Uri removes the segments "." and ".." even when they are escaped; podman has no such names.
        if (name.Length == 0 || name is "." or "..")
            throw new PodmanException(PodmanFailure.Refused, "name", $"'{name}' is no name", 400);
        return Uri.EscapeDataString(name);
    }

    /// <summary><c>?a=1&amp;b=2</c> with everything escaped; null values are left out.</summary>
    private static string Query(params ReadOnlySpan<(string Name, string? Value)> parameters)
    {
        var query = new StringBuilder();
        foreach (var (name, value) in parameters)
        {
            if (value is not null)
                query.Append(query.Length == 0 ? '?' : '&').Append(name).Append('=').Append(Uri.EscapeDataString(value));
        }
        return query.ToString();
    }

    /// <summary>A value as a request's body.</summary>
    internal static ByteArrayContent Json<T>(T value, JsonTypeInfo<T> type)
    {
        var content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(value, type));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return content;
    }

    /// <summary>A GET that must answer with a document.</summary>
    private async Task<JsonDocument> ReadAsync(string path, CancellationToken ct) =>
        await _transport.CallAsync(HttpMethod.Get, path, null, Limits.Read, ct) ?? throw Empty(path);

    /// <summary>A GET whose 404 is null.</summary>
    private Task<JsonDocument?> FindAsync(string path, CancellationToken ct) =>
        _transport.CallAsync(HttpMethod.Get, path, null, Limits.Read, ct, absentIsNull: true);

    /// <summary>A POST whose answer, if any, is not looked at.</summary>
    private async Task ChangeAsync(string path, TimeSpan timeout, CancellationToken ct, HttpContent? body = null)
    {
        using var document = await _transport.CallAsync(HttpMethod.Post, path, body, timeout, ct);
    }

    private static PodmanException Empty(string path) => new(PodmanFailure.Malformed, path, "an empty answer");
}
