using System.Globalization;
using System.Text.Json;

namespace Mcp.Podman;

internal sealed partial class PodmanClient
{
    /// <summary>Every container in whatever state.</summary>
    /// <param name="labels">Only with all of these, <c>key</c> or <c>key=value</c>.</param>
    /// <param name="ct">Ends the call.</param>
    /// <param name="network">Only on this network.</param>
    public async Task<IReadOnlyList<ContainerSummary>> ListContainersAsync(IReadOnlyList<string>? labels, CancellationToken ct, string? network = null)
    {
        var filters = new Dictionary<string, string[]>();
        if (labels is { Count: > 0 })
            filters["label"] = [.. labels];
        if (network is not null)
            filters["network"] = [network];
        var query = Query(("all", "true"), ("filters", JsonSerializer.Serialize(filters, PodmanJson.Default.DictionaryStringStringArray)));
        using var document = await ReadAsync("containers/json" + query, ct);
        return [.. document.RootElement.ItemsAt().Select(ContainerReading.Summary).Where(container => container.Id.Length > 0)];
    }

    /// <summary>The container of that id or name; null when there is none.</summary>
    public async Task<ContainerDetail?> InspectContainerAsync(string idOrName, CancellationToken ct)
    {
        using var document = await FindAsync($"containers/{Segment(idOrName)}/json", ct);
        return document is null ? null : ContainerReading.Detail(document.RootElement);
    }

    /// <summary>Makes a container and returns its id; does not start it. See <see cref="ContainerCreation"/> for what to do when this fails half way.</summary>
    public async Task<string> CreateContainerAsync(ContainerCreateSpec spec, CancellationToken ct)
    {
        using var body = Json(ContainerTranslation.Body(spec), PodmanJson.Default.CreateBody);
        using var document = await _transport.CallAsync(HttpMethod.Post, "containers/create", body, Limits.Change, ct) ?? throw Empty("containers/create");
        return document.RootElement.TextAt("Id") is { Length: > 0 } id ? id : throw Empty("containers/create");
    }

    /// <summary>Starts it; one that runs already is left as it is.</summary>
    public async Task StartContainerAsync(string id, CancellationToken ct) => await ChangeAsync($"containers/{Segment(id)}/start", Limits.Change, ct);

    /// <summary>SIGTERM (or the image's stop signal), then SIGKILL after <paramref name="grace"/>; one that is stopped already is left as it is.</summary>
    /// <returns>Whether it ran; false: podman did nothing, and its restart policy may still start it.</returns>
    public async Task<bool> StopContainerAsync(string id, TimeSpan grace, CancellationToken ct)
    {
        var seconds = (int)Math.Ceiling(Math.Clamp(grace.TotalSeconds, 0, 24 * 3600));
        return await _transport.ChangeAsync($"containers/{Segment(id)}/stop{Query(("timeout", Number(seconds)))}", TimeSpan.FromSeconds(seconds) + Limits.StopBeyondGrace, ct);
    }

    /// <summary>Sends a signal, <c>SIGKILL</c> unless said otherwise. A container that does not run is a refusal (409 or 500).</summary>
    public async Task KillContainerAsync(string id, CancellationToken ct, string signal = "SIGKILL") =>
        await ChangeAsync($"containers/{Segment(id)}/kill{Query(("signal", signal))}", Limits.Change, ct);

    /// <summary>Removes it; false when there was none. Without <paramref name="force"/> a running one is refused. Volumes are not touched.</summary>
    public async Task<bool> RemoveContainerAsync(string id, CancellationToken ct, bool force = false)
    {
        // With force podman stops it first and waits the container's own stop timeout; 0 makes that a kill.
        var path = $"containers/{Segment(id)}{Query(("force", force ? "true" : null), ("timeout", force ? "0" : null), ("v", "false"))}";
        try
        {
            using var document = await _transport.CallAsync(HttpMethod.Delete, path, null, Limits.Change, ct);
            foreach (var report in document?.RootElement.ItemsAt() ?? [])
            {
                if (report.TextAt("Err") is { Length: > 0 } error)
                    throw new PodmanException(PodmanFailure.Refused, $"DELETE containers/{PodmanException.Words(id)}", PodmanException.Words(error), 200);
            }
            return true;
        }
        catch (PodmanException e) when (e.Status == 404)
        {
            return false;
        }
    }

    /// <summary>Gives it another name. A taken name is a refusal with <see cref="PodmanException.NameTaken"/>.</summary>
    public async Task RenameContainerAsync(string id, string name, CancellationToken ct) =>
        await ChangeAsync($"containers/{Segment(id)}/rename{Query(("name", name))}", Limits.Change, ct);

    /// <summary>Waits until it does not run and returns its exit code; the caller's token is the only limit, and podman is probed meanwhile.</summary>
    public async Task<int> WaitContainerAsync(string id, CancellationToken ct)
    {
        var path = $"containers/{Segment(id)}/wait{Query(("condition", "stopped"))}";
        using var document = await WhileProbingAsync(token => _transport.CallAsync(HttpMethod.Post, path, null, Timeout.InfiniteTimeSpan, token), ct);
        return document is not null && document.RootElement.ValueKind == JsonValueKind.Number && document.RootElement.TryGetInt32(out var code) ? code : throw Empty(path);
    }

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}
