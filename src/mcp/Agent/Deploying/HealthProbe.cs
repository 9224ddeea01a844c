using System.Net.Sockets;
using System.Text;
using Grpc.Core;
using Grpc.Net.Client;
using Mcp.Definitions;
using Mcp.Errors;
using Mcp.Operations;
using Mcp.Podman;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Agent.Deploying;

/// <summary>
/// Waits until a started container is what its definition calls healthy: by TCP, HTTP, gRPC or a command in it, or, without a
/// <c>[health]</c>, that it still runs after two seconds. A container that ends while it is waited for fails at once, with its last words.
/// </summary>
internal sealed class HealthProbe(PodmanClient podman, TimeProvider clock)
{
    /// <summary>How long a container without <c>[health]</c> must stay up.</summary>
    public static readonly TimeSpan StaysUp = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan OneTry = TimeSpan.FromSeconds(5);
    private const int LastLines = 20;

    /// <summary>Waits for one container.</summary>
    /// <exception cref="McpException">It ended, or was not healthy in time; with the last 20 lines of its log.</exception>
    public async Task WaitAsync(ServiceSpec service, ComponentSpec component, string id, PortAssignment ports, OperationScope scope, CancellationToken ct)
    {
        var name = ContainerName.Of(service.Name, component.Name);
        var health = component.Health;
        var limit = health is null ? StaysUp : health.Timeout?.ToTimeSpan() ?? TimeSpan.FromSeconds(30);
        var pause = health?.Interval?.ToTimeSpan() is { } interval && interval > TimeSpan.Zero ? interval : TimeSpan.FromMilliseconds(250);
        var started = clock.GetTimestamp();
        var first = await podman.InspectContainerAsync(id, ct);
        var last = "it was not asked yet";
        while (true)
        {
            var container = await podman.InspectContainerAsync(id, ct);
            if (HasEnded(first, container) is { } ended)
                throw Explain(Failure(service.Name, name, ended), await LastLinesAsync(id, ct));
            var passed = clock.GetElapsedTime(started);
            if (health is null)
            {
                if (passed >= limit)
                    return;
            }
            else
            {
                if (await TryAsync(service, component, health, container!, ports, ct) is not { } problem)
                    return;
                last = problem;
                if (passed >= limit)
                    throw Explain(Failure(service.Name, name, $"not healthy after {limit.TotalSeconds:0} s: {last}"), await LastLinesAsync(id, ct));
            }
            var left = limit - clock.GetElapsedTime(started);
            await Task.Delay(left > TimeSpan.Zero && left < pause ? left : pause, clock, ct);
            if (health is not null)
                scope.Progress($"{name}: {last}", (long)Math.Min(passed.TotalSeconds, limit.TotalSeconds), (long)limit.TotalSeconds, "");
        }
    }

    /// <summary>One question, without waiting: null is healthy, otherwise why not.</summary>
    public async Task<string?> TryAsync(ServiceSpec service, ComponentSpec component, HealthSpec health, ContainerDetail container, PortAssignment ports, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(OneTry);
        try
        {
            if (health.Type == "exec")
                return await ExecAsync(container.Id, health, limit.Token);
            if (ContainerAddress.Of(component, (int)health.Port, container, ports) is not { } target)
                return $"port {health.Port} of {component.Name} cannot be reached from the host: give it a route or an entry in ports, or use type = \"exec\"";
            return health.Type switch
            {
                "http" => await HttpAsync(target, health.Path, limit.Token),
                "grpc" => await GrpcAsync(target, limit.Token),
                _ => await TcpAsync(target, limit.Token),
            };
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return "no answer within 5 s";
        }
        catch (Exception e) when (e is SocketException or HttpRequestException or RpcException or IOException or PodmanException)
        {
            return Printable.Line((e as RpcException)?.Status.Detail ?? e.Message, 300);
        }
    }

    /// <summary>The last lines of a container's log, printable.</summary>
    public async Task<IReadOnlyList<string>> LastLinesAsync(string id, CancellationToken ct)
    {
        var lines = new List<string>();
        try
        {
            await foreach (var line in podman.LogsAsync(id, new LogQuery { Tail = LastLines }, ct))
                lines.Add(Printable.Line(line.Text, 500));
        }
        catch (PodmanException e)
        {
            // Never an empty log: why there is none is said instead.
            lines.Add($"(its log could not be read: {e.Message})");
        }
        return lines;
    }

    /// <summary>The failure with a container's last words.</summary>
    public static McpException Explain(McpException fault, IReadOnlyList<string> lines) => new(fault.Code, fault.Message, fault)
    {
        Node = fault.Node,
        Step = fault.Step,
        Cause = lines.Count == 0 ? Join(fault.Cause, "it wrote nothing") : Join(fault.Cause, "its last lines:\n" + string.Join('\n', lines)),
        Hint = fault.Hint,
        State = fault.State,
    };

    private static string Join(string? first, string second) => string.IsNullOrEmpty(first) ? second : $"{first}; {second}";

    private static McpException Failure(string service, string name, string cause) => new(FaultCode.FailedPrecondition, $"{name} did not become healthy")
    {
        Cause = cause,
        Hint = $"mend what its last lines say, or raise timeout in [components.health] if it is only slow; then mcp deploy {service}",
    };

    // Another process than the one that was started means that podman's restart policy has already been at work. The exit code of the life before is mostly
    // gone then: podman says 0 of what runs.
    private static string? HasEnded(ContainerDetail? first, ContainerDetail? now) =>
        now is null ? "it is gone"
        : now.Status != Podman.ContainerStatus.Running ? $"it ended with exit code {now.ExitCode}{(now.OomKilled ? " (out of memory)" : "")}{(now.Error.Length > 0 ? ": " + Printable.Line(now.Error, 300) : "")}"
        : first is not null && (now.RestartCount > first.RestartCount || (first.Pid != 0 && now.Pid != first.Pid)) ? $"it ended and was started again by its restart policy{(now.ExitCode != 0 ? $" (exit code {now.ExitCode})" : "")}"
        : null;

    private static async Task<string?> TcpAsync(ContainerAddress target, CancellationToken ct)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(target.Address, target.Port, ct);
        // Podman's port forwarder accepts before the container does and closes at once when nobody listens there: a peer that stays is needed.
        var byteOrEnd = new byte[1];
        using var brief = CancellationTokenSource.CreateLinkedTokenSource(ct);
        brief.CancelAfter(TimeSpan.FromMilliseconds(200));
        try
        {
            return await socket.ReceiveAsync(byteOrEnd.AsMemory(), SocketFlags.Peek, brief.Token) == 0 ? "the connection was closed at once" : null;
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return null;
        }
    }

    private static async Task<string?> HttpAsync(ContainerAddress target, string path, CancellationToken ct)
    {
        using var handler = new SocketsHttpHandler { AllowAutoRedirect = false, UseProxy = false, UseCookies = false };
        using var client = new HttpClient(handler);
        using var answer = await client.GetAsync(new Uri($"http://{target}{(path.StartsWith('/') ? path : "/" + path)}"), HttpCompletionOption.ResponseHeadersRead, ct);
        return (int)answer.StatusCode is >= 200 and < 400 ? null : $"HTTP status {(int)answer.StatusCode}";
    }

    // grpc.health.v1.Health/Check: an empty request asks for the whole server; SERVING is field 1 = 1.
    private static async Task<string?> GrpcAsync(ContainerAddress target, CancellationToken ct)
    {
        var bytes = Marshallers.Create(b => b, b => b);
        var check = new Method<byte[], byte[]>(MethodType.Unary, "grpc.health.v1.Health", "Check", bytes, bytes);
        using var handler = new SocketsHttpHandler { UseProxy = false };
        using var channel = GrpcChannel.ForAddress($"http://{target}", new GrpcChannelOptions { HttpHandler = handler });
        using var call = channel.CreateCallInvoker().AsyncUnaryCall(check, null, new CallOptions(cancellationToken: ct), []);
        var answer = await call.ResponseAsync;
        return answer.AsSpan().SequenceEqual((ReadOnlySpan<byte>)[0x08, 0x01]) ? null : "the service says that it is not SERVING";
    }

    private async Task<string?> ExecAsync(string id, HealthSpec health, CancellationToken ct)
    {
        var result = await podman.ExecAsync(id, [.. health.Cmd], OneTry, ct, outputLimit: 4096);
        return result.TimedOut ? "the command did not end within 5 s"
            : result.ExitCode == 0 ? null
            : $"the command ended with {result.ExitCode}: {Printable.Line(Encoding.UTF8.GetString(result.Output.Span), 300)}";
    }
}
