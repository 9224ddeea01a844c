using System.Globalization;
using System.Text.Json.Nodes;

namespace Mcp.Simulation;

/// <summary>A container that is nothing but its description and its state.</summary>
internal sealed class SimulatedContainer
{
    /// <summary>64 hex digits.</summary>
    public required string Id { get; init; }

    public required string Name { get; set; }

    /// <summary>The image's id.</summary>
    public required string ImageId { get; init; }

    /// <summary>As a reference with a tag.</summary>
    public required string Image { get; init; }

    public required string ImageDigest { get; init; }

    /// <summary>What it was created from: the request of the agent.</summary>
    public required JsonObject Request { get; init; }

    public required IReadOnlyDictionary<string, string> Labels { get; init; }

    /// <summary>"created", "running" or "exited".</summary>
    public string State { get; set; } = "created";

    public DateTimeOffset Created { get; init; }

    public DateTimeOffset? Started { get; set; }

    public DateTimeOffset? Finished { get; set; }

    public int ExitCode { get; set; }

    /// <summary>Completed at its end, with its exit code; a new one at every start.</summary>
    public TaskCompletionSource<int> Ended { get; set; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // The agent looks whether the processes of a container are alive. There are none: this process stands for them, and lives as long as they "do".
    private int Pid => State == "running" ? Environment.ProcessId : 0;

    private IEnumerable<string> Networks => Request["Networks"] is JsonObject networks ? networks.Select(n => n.Key) : [];

    private IEnumerable<JsonObject> Ports => (Request["portmappings"] as JsonArray ?? []).OfType<JsonObject>();

    /// <summary>Whether it is attached to the network.</summary>
    public bool IsOn(string network) => Networks.Contains(network);

    /// <summary>Its entry of <c>containers/json</c>.</summary>
    public JsonObject ToSummary() => new()
    {
        ["Id"] = Id,
        ["Names"] = new JsonArray(Name),
        ["Image"] = Image,
        ["ImageID"] = ImageId,
        ["State"] = State,
        ["Labels"] = LabelsJson(),
        ["Ports"] = new JsonArray([.. Ports.Select(p => new JsonObject
        {
            ["host_ip"] = p["host_ip"]?.GetValue<string>() ?? "",
            ["host_port"] = Number(p["host_port"]),
            ["container_port"] = Number(p["container_port"]),
            ["range"] = 1,
            ["protocol"] = p["protocol"]?.GetValue<string>() ?? "tcp",
        })]),
        ["Networks"] = new JsonArray([.. Networks.Select(n => JsonValue.Create(n))]),
        ["Created"] = Time(Created),
        ["StartedAt"] = Started?.ToUnixTimeSeconds() ?? 0,
        ["ExitCode"] = ExitCode,
        ["Pid"] = Pid,
    };

    /// <summary>The answer of <c>containers/{id}/json</c>.</summary>
    public JsonObject ToDetail()
    {
        var ports = new JsonObject();
        foreach (var port in Ports)
        {
            ports[$"{Number(port["container_port"])}/{port["protocol"]?.GetValue<string>() ?? "tcp"}"] =
                new JsonArray(new JsonObject { ["HostIp"] = port["host_ip"]?.GetValue<string>() ?? "", ["HostPort"] = $"{Number(port["host_port"])}" });
        }
        var networks = new JsonObject();
        foreach (var network in Networks)
            networks[network] = new JsonObject { ["IPAddress"] = "10.255.0.2" };
        return new JsonObject
        {
            ["Id"] = Id,
            ["Name"] = Name,
            ["Image"] = ImageId,
            ["ImageName"] = Image,
            ["ImageDigest"] = ImageDigest,
            ["Created"] = Time(Created),
            ["RestartCount"] = 0,
            ["State"] = new JsonObject
            {
                ["Status"] = State,
                ["Pid"] = Pid,
                ["ConmonPid"] = Pid,
                ["ExitCode"] = ExitCode,
                ["OOMKilled"] = false,
                ["StartedAt"] = Time(Started ?? DateTimeOffset.UnixEpoch),
                ["FinishedAt"] = Time(Finished ?? DateTimeOffset.UnixEpoch),
            },
            ["Config"] = new JsonObject
            {
                ["Labels"] = LabelsJson(),
                ["Env"] = new JsonArray([.. (Request["env"] as JsonObject ?? []).Select(e => JsonValue.Create($"{e.Key}={e.Value}"))]),
                ["Cmd"] = Request["command"]?.DeepClone() ?? new JsonArray(),
                ["User"] = Request["user"]?.GetValue<string>() ?? "",
                ["Tty"] = false,
            },
            ["HostConfig"] = new JsonObject
            {
                ["RestartPolicy"] = new JsonObject { ["Name"] = Request["restart_policy"]?.GetValue<string>() ?? "" },
                ["NetworkMode"] = Request["netns"]?["nsmode"]?.GetValue<string>() ?? "bridge",
            },
            ["Mounts"] = new JsonArray([.. (Request["mounts"] as JsonArray ?? []).OfType<JsonObject>().Select(m => new JsonObject
            {
                ["Type"] = m["type"]?.GetValue<string>() ?? "bind",
                ["Source"] = m["source"]?.GetValue<string>() ?? "",
                ["Destination"] = m["destination"]?.GetValue<string>() ?? "",
                ["RW"] = !(m["options"] as JsonArray ?? []).Any(o => o?.GetValue<string>() == "ro"),
            })]),
            ["NetworkSettings"] = new JsonObject { ["Ports"] = ports, ["Networks"] = networks },
        };
    }

    private JsonObject LabelsJson() => new(Labels.Select(l => KeyValuePair.Create<string, JsonNode?>(l.Key, l.Value)));

    private static int Number(JsonNode? node) => node?.GetValue<int>() ?? 0;

    private static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("O", CultureInfo.InvariantCulture);
}
