using System.Net;

namespace Mcp.Transport;

/// <summary>The gRPC server of a role: TLS 1.3 listeners and a Unix socket, with the gate that every call passes.</summary>
internal sealed class RoleServer : IAsyncDisposable
{
    /// <summary>Composes the server; nothing listens yet.</summary>
    /// <exception cref="Errors.McpException">A mapped method has no rule, or an address is malformed.</exception>
    public static RoleServer Build(RoleServerOptions options) => throw new NotImplementedException(options.Role);

    /// <summary>The live connections, to be cut at a revocation.</summary>
    public ConnectionRegistry Connections => throw new NotImplementedException();

    /// <summary>The budgets.</summary>
    public CallLimits Limits => throw new NotImplementedException();

    /// <summary>What is listened on; with the real port where 0 was asked for. Known after the start.</summary>
    public IReadOnlyList<IPEndPoint> Endpoints => throw new NotImplementedException();

    /// <summary>Addresses that could not be bound and are tried again, with the reason.</summary>
    public IReadOnlyList<string> Problems => throw new NotImplementedException();

    /// <summary>The role's services.</summary>
    public IServiceProvider Services => throw new NotImplementedException();

    /// <summary>Listens.</summary>
    /// <exception cref="Errors.McpException">The socket is another process's, or no address could be bound.</exception>
    public Task StartAsync(CancellationToken ct) => throw new NotImplementedException();

    /// <summary>Stops listening, lets calls in flight end until <paramref name="ct"/>, then cuts them.</summary>
    public Task StopAsync(CancellationToken ct) => throw new NotImplementedException();

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => throw new NotImplementedException();
}
