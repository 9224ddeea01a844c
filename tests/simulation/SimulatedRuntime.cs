using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace Mcp.Simulation;

/// <summary>
/// A container runtime that simulates: it serves that part of libpod's REST API which the agent uses on a Unix socket (<c>[podman] socket</c>), so that
/// the real agent runs on it unchanged, many on one machine. It keeps containers, images and networks with their names, states and events, by
/// podman's rules, and nothing else: no process is started, no port is opened, every image can be had, every log is empty, and a command in a
/// container is refused. For tests of scale; what is measured on it says nothing about containers.
/// </summary>
internal sealed class SimulatedRuntime : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly SimulatedEvents _events;

    private SimulatedRuntime(string socketPath)
    {
        _events = new SimulatedEvents(TimeProvider.System);
        Containers = new SimulatedContainers(TimeProvider.System, _events);
        SocketPath = socketPath;
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.ListenUnixSocket(socketPath);
            kestrel.Limits.MinResponseDataRate = null;
        });
        _app = builder.Build();
        _app.Run(AnswerAsync);
    }

    /// <summary>What it holds; a test changes it behind the agent's back.</summary>
    public SimulatedContainers Containers { get; }

    /// <summary>Where it listens.</summary>
    public string SocketPath { get; }

    /// <summary>Starts one, empty.</summary>
    public static async Task<SimulatedRuntime> StartAsync(string socketPath, CancellationToken cancellation)
    {
        var runtime = new SimulatedRuntime(socketPath);
        await runtime._app.StartAsync(cancellation);
        return runtime;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync(new CancellationToken(canceled: true)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _app.DisposeAsync();
    }

    private async Task AnswerAsync(HttpContext http)
    {
        try
        {
            // /v4.0.0/libpod/containers/NAME/start; a name is one segment, whose slashes are escaped.
            var path = http.Request.Path.Value!.Split('/', StringSplitOptions.RemoveEmptyEntries).Skip(2).ToArray();
            await RouteAsync(http, path);
        }
        catch (SimulatedRefusal refusal)
        {
            await JsonAsync(http, new JsonObject { ["cause"] = refusal.Message, ["message"] = refusal.Message, ["response"] = refusal.Status }, refusal.Status);
        }
        catch (OperationCanceledException)
        {
            // The agent went away, or the test is over.
        }
    }

    private Task RouteAsync(HttpContext http, string[] path) => (http.Request.Method, path) switch
    {
        ("GET", ["_ping"]) => http.Response.WriteAsync("OK", http.RequestAborted),
        ("GET", ["info"]) => JsonAsync(http, Info()),
        ("GET", ["containers", "json"]) => JsonAsync(http, Containers.List(Filter(http, "label"), Filter(http, "network") is [var network, ..] ? network : null)),
        ("POST", ["containers", "create"]) => CreateAsync(http),
        ("GET", ["containers", var id, "json"]) => JsonAsync(http, Containers.Inspect(id)),
        ("GET", ["containers", var id, "logs"]) => LogsAsync(http, id),
        ("POST", ["containers", var id, "start"]) => Done(http, Containers.Start(id)),
        ("POST", ["containers", var id, "stop"]) => Done(http, Containers.Stop(id, 0)),
        ("POST", ["containers", var id, "kill"]) => Containers.Stop(id, 137) ? Done(http, true) : throw new SimulatedRefusal(409, $"can only kill running containers. {id} is not running"),
        ("POST", ["containers", var id, "rename"]) => RenameAsync(http, id),
        ("POST", ["containers", var id, "wait"]) => WaitAsync(http, id),
        ("DELETE", ["containers", var id]) => RemoveAsync(http, id),
        ("GET", ["events"]) => EventsAsync(http),
        ("POST", ["images", "pull"]) => PullAsync(http),
        ("GET", ["images", .. var name, "json"]) => JsonAsync(http, Containers.Image(Uri.UnescapeDataString(string.Join('/', name)))),
        ("GET", ["networks", "json"]) => JsonAsync(http, Containers.Networks(Filter(http, "label"))),
        ("POST", ["networks", "create"]) => CreateNetworkAsync(http),
        ("GET", ["networks", var name, "json"]) => JsonAsync(http, Containers.Network(name)),
        ("DELETE", ["networks", var name]) => RemoveNetworkAsync(http, name),
        _ => throw new SimulatedRefusal(501, $"{http.Request.Method} {http.Request.Path} is not simulated"),
    };

    private static JsonObject Info() => new()
    {
        ["version"] = new JsonObject { ["Version"] = "4.3.1" },
        ["host"] = new JsonObject
        {
            ["arch"] = "amd64",
            ["networkBackend"] = "simulated",
            ["cgroupManager"] = "cgroupfs",
            ["cgroupVersion"] = "v2",
            ["ociRuntime"] = new JsonObject { ["name"] = "simulated" },
            ["security"] = new JsonObject { ["rootless"] = false, ["selinuxEnabled"] = false },
        },
        ["store"] = new JsonObject { ["graphDriverName"] = "simulated", ["graphRoot"] = "" },
    };

    private async Task CreateAsync(HttpContext http) =>
        await JsonAsync(http, new JsonObject { ["Id"] = Containers.Create(await BodyAsync(http)), ["Warnings"] = new JsonArray() }, StatusCodes.Status201Created);

    private Task RenameAsync(HttpContext http, string id)
    {
        Containers.Rename(id, http.Request.Query["name"].ToString());
        return Done(http, true);
    }

    private async Task WaitAsync(HttpContext http, string id) =>
        await http.Response.WriteAsync((await Containers.WaitAsync(id).WaitAsync(http.RequestAborted)).ToString(CultureInfo.InvariantCulture), http.RequestAborted);

    private Task RemoveAsync(HttpContext http, string id)
    {
        Containers.Remove(id, http.Request.Query["force"] == "true");
        return JsonAsync(http, new JsonArray(new JsonObject { ["Id"] = id }));
    }

    private async Task LogsAsync(HttpContext http, string id)
    {
        var ended = Containers.WaitAsync(id);
        if (http.Request.Query["follow"] == "true")
            await ended.WaitAsync(http.RequestAborted);
        http.Response.ContentType = "application/octet-stream";
    }

    private async Task EventsAsync(HttpContext http)
    {
        var since = DateTimeOffset.FromUnixTimeSeconds(long.Parse(http.Request.Query["since"].ToString(), CultureInfo.InvariantCulture));
        http.Response.ContentType = "application/json";
        await http.Response.StartAsync(http.RequestAborted);
        await foreach (var line in _events.FollowAsync(since, Filter(http, "label"), http.RequestAborted))
        {
            await http.Response.WriteAsync(line + "\n", http.RequestAborted);
            await http.Response.Body.FlushAsync(http.RequestAborted);
        }
    }

    private async Task PullAsync(HttpContext http)
    {
        var reference = http.Request.Query["reference"].ToString();
        var id = Containers.Pull(reference);
        await http.Response.WriteAsync(new JsonObject { ["stream"] = $"Pulled {reference}" }.ToJsonString() + "\n", http.RequestAborted);
        await http.Response.WriteAsync(new JsonObject { ["images"] = new JsonArray(id), ["id"] = id }.ToJsonString() + "\n", http.RequestAborted);
    }

    private async Task CreateNetworkAsync(HttpContext http) => await JsonAsync(http, Containers.CreateNetwork(await BodyAsync(http)));

    private Task RemoveNetworkAsync(HttpContext http, string name)
    {
        Containers.RemoveNetwork(name);
        return JsonAsync(http, new JsonArray(new JsonObject { ["Name"] = name }));
    }

    /// <summary>The values of one filter of <c>filters={"label":["a=b"]}</c>.</summary>
    private static IReadOnlyList<string> Filter(HttpContext http, string key) =>
        http.Request.Query["filters"].ToString() is { Length: > 0 } text && JsonNode.Parse(text)?[key] is JsonArray values
            ? [.. values.Select(v => v!.GetValue<string>())]
            : [];

    private static async Task<JsonObject> BodyAsync(HttpContext http) =>
        await JsonNode.ParseAsync(http.Request.Body, cancellationToken: http.RequestAborted) as JsonObject ?? throw new SimulatedRefusal(400, "a JSON object is needed");

    // Podman says 304 where nothing had to be done.
    private static Task Done(HttpContext http, bool changed)
    {
        http.Response.StatusCode = changed ? StatusCodes.Status204NoContent : StatusCodes.Status304NotModified;
        return Task.CompletedTask;
    }

    private static Task JsonAsync(HttpContext http, JsonNode body, int status = StatusCodes.Status200OK)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json";
        return http.Response.WriteAsync(body.ToJsonString(), http.RequestAborted);
    }
}
