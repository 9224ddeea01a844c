using System.Text.Json;

namespace Mcp.Podman;

internal sealed partial class PodmanClient
{
    /// <summary>The network of that name; null when there is none.</summary>
    public async Task<NetworkDetail?> InspectNetworkAsync(string name, CancellationToken ct)
    {
        using var document = await FindAsync($"networks/{Segment(name)}/json", ct);
        return document is null ? null : Network(document.RootElement);
    }

    /// <summary>Every network, or those with all of <paramref name="labels"/>.</summary>
    public async Task<IReadOnlyList<NetworkDetail>> ListNetworksAsync(IReadOnlyList<string>? labels, CancellationToken ct)
    {
        var filters = new Dictionary<string, string[]>();
        if (labels is { Count: > 0 })
            filters["label"] = [.. labels];
        var query = Query(("filters", JsonSerializer.Serialize(filters, PodmanJson.Default.DictionaryStringStringArray)));
        using var document = await ReadAsync("networks/json" + query, ct);
        return [.. document.RootElement.ItemsAt().Select(Network)];
    }

    /// <summary>
    /// The bridge network of that name, made when there is none: safe to repeat and to race. One that exists is returned as it is; whether its
    /// labels are the caller's is for the caller to judge.
    /// </summary>
    /// <param name="name">Its name.</param>
    /// <param name="labels">Of a network that is made.</param>
    /// <param name="ct">Ends the call.</param>
    /// <param name="isInternal">One that is made leads nowhere but to its own containers.</param>
    public async Task<NetworkDetail> EnsureNetworkAsync(string name, IReadOnlyDictionary<string, string> labels, CancellationToken ct, bool isInternal = false) =>
        await InspectNetworkAsync(name, ct) ?? await CreateNetworkAsync(name, labels, ct, isInternal);

    /// <summary>As <see cref="EnsureNetworkAsync"/>, for a caller that has just seen that there is none; one that was made meanwhile is returned.</summary>
    public async Task<NetworkDetail> CreateNetworkAsync(string name, IReadOnlyDictionary<string, string> labels, CancellationToken ct, bool isInternal = false)
    {
        using var body = Json(new NetworkBody(name, "bridge", NamesResolve: true, isInternal, labels), PodmanJson.Default.NetworkBody);
        try
        {
            using var document = await _transport.CallAsync(HttpMethod.Post, "networks/create", body, Limits.Change, ct);
            return Network((document ?? throw Empty("networks/create")).RootElement);
        }
        catch (PodmanException e) when (e.NameTaken || e.EffectUnknown)
        {
            // Somebody else was faster, or it was made although the answer was lost.
            if (await InspectNetworkAsync(name, ct) is { } made)
                return made;
            throw;
        }
    }

    /// <summary>Removes a network; false when there was none. One that containers use is refused.</summary>
    public async Task<bool> RemoveNetworkAsync(string name, CancellationToken ct)
    {
        try
        {
            using var document = await _transport.CallAsync(HttpMethod.Delete, $"networks/{Segment(name)}", null, Limits.Change, ct);
            foreach (var report in document?.RootElement.ItemsAt() ?? [])
            {
                if (report.TextAt("Err") is { Length: > 0 } error)
                    throw new PodmanException(PodmanFailure.Refused, $"DELETE networks/{PodmanException.Words(name)}", PodmanException.Words(error), 200);
            }
            return true;
        }
        catch (PodmanException e) when (e.Status == 404)
        {
            return false;
        }
    }

    private static NetworkDetail Network(JsonElement network) => new()
    {
        Name = network.TextAt("name"),
        Id = network.TextAt("id"),
        Driver = network.TextAt("driver"),
        NamesResolve = network.TrueAt("dns_enabled"),
        Subnets = [.. network.ItemsAt("subnets").Select(subnet => subnet.TextAt("subnet"))],
        Labels = network.TextMapAt("labels"),
    };
}
