using System.Globalization;
using ConsoleAppFramework;
using Grpc.Core;
using Grpc.HealthCheck;
using Mcp.Names;
using Mcp.V1;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using ServingStatus = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace Mcp.Cli;

/// <summary>
/// Hidden: what the demo image of <c>mcp dev</c> runs. It answers HTTP on <c>$PORT</c> and counts its visits in <c>/data</c>, so that one can see
/// that data stays over redeploys; and, where it is asked to, <c>grpc.health.v1</c> and <c>mcp.v1.SnapshotService</c>, so that a health check and a snapshot
/// method of type grpc have something to ask.
/// </summary>
internal sealed class DemoServerCommand(CommandContext context)
{
    private static readonly Lock Counting = new();

    /// <summary>Answers HTTP on $PORT with a friendly text; the demo of mcp dev.</summary>
    /// <param name="data">where the visits are counted</param>
    /// <param name="grpcPort">also answer grpc.health.v1 and mcp.v1.SnapshotService, without TLS, on this port</param>
    /// <param name="notServing">say there that the service is not ready</param>
    /// <param name="cancel">SIGTERM.</param>
    [Command("demo-server")]
    public async Task<int> Run(string data = "/data", int grpcPort = 0, bool notServing = false, CancellationToken cancel = default)
    {
        var port = int.TryParse(context.Variable("PORT"), NumberStyles.None, CultureInfo.InvariantCulture, out var told) ? told : 8080;
        // The empty builder, as for the roles: the slim one would link configuration files and log sinks that nothing else needs.
        var builder = WebApplication.CreateEmptyBuilder(new() { ContentRootPath = AppContext.BaseDirectory });
        builder.WebHost.UseKestrelCore();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.ListenAnyIP(port);
            if (grpcPort > 0)
                kestrel.ListenAnyIP(grpcPort, listen => listen.Protocols = HttpProtocols.Http2);
        });
        var health = new HealthServiceImpl();
        health.SetStatus("", notServing ? ServingStatus.NotServing : ServingStatus.Serving);
        builder.Services.AddRouting().AddSingleton(health).AddSingleton(new DemoSnapshots(data)).AddGrpc();
        await using var server = builder.Build();
        server.MapGrpcService<HealthServiceImpl>();
        server.MapGrpcService<DemoSnapshots>();
        server.MapFallback("{*path}", request =>
        {
            if (request.Request.Path == "/healthz")
                return request.Response.WriteAsync("ok\n", request.RequestAborted);
            var visits = Count(data);
            context.Out.WriteLine($"visit {visits} from {request.Connection.RemoteIpAddress}");
            request.Response.ContentType = "text/plain; charset=utf-8";
            return request.Response.WriteAsync(
                $"Hello! This is a container that mcp {ProgramVersion.Text} deployed: {Environment.MachineName}.\nVisit number {visits}; the count is in {data} and stays over redeploys.\n",
                request.RequestAborted);
        });
        context.Out.WriteLine($"listening on port {port}");
        await server.StartAsync(cancel);
        await Task.Delay(Timeout.Infinite, cancel).ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        await server.StopAsync(CancellationToken.None);
        return ExitCode.Done;
    }

    private static long Count(string data)
    {
        lock (Counting)
        {
            try
            {
                var file = Path.Combine(data, "visits");
                var before = File.Exists(file) && long.TryParse(File.ReadAllText(file), NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : 0;
                File.WriteAllText(file, (before + 1).ToString(CultureInfo.InvariantCulture));
                return before + 1;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Only a demo: without its folder it still answers.
                return 0;
            }
        }
    }

    /// <summary>What a service does that makes its data ready by itself: it writes what it knows to a file, and says whether it could.</summary>
    private sealed class DemoSnapshots(string data) : SnapshotService.SnapshotServiceBase
    {
        /// <inheritdoc/>
        public override Task<SnapshotResponse> Snapshot(SnapshotRequest request, ServerCallContext context)
        {
            try
            {
                lock (Counting)
                    File.Copy(Path.Combine(data, "visits"), Path.Combine(data, "visits.snapshot"), overwrite: true);
                return Task.FromResult(new SnapshotResponse { Success = true });
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return Task.FromResult(new SnapshotResponse { Error = $"the visits could not be copied: {e.Message}" });
            }
        }
    }
}
