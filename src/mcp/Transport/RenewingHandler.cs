using Mcp.Certificates;

namespace Mcp.Transport;

/// <summary>
/// A connection pool that presents the credential in force. A pool's credential is fixed when it is made, so a renewed one gets a new pool;
/// calls on the old one end in peace, and it is disposed at the renewal after next (months later).
/// </summary>
internal sealed class RenewingHandler(CredentialSource? source, Func<Credential?, SocketsHttpHandler> make) : HttpMessageHandler
{
    private readonly Lock _change = new();
    private Pool? _current, _old;

    /// <inheritdoc/>
    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
        Current().Invoker.SendAsync(request, cancellationToken);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            lock (_change)
            {
                _current?.Invoker.Dispose();
                _old?.Invoker.Dispose();
            }
        }
        base.Dispose(disposing);
    }

    private Pool Current()
    {
        var credential = source?.Current;
        lock (_change)
        {
            if (_current is null || !ReferenceEquals(_current.Credential, credential))
            {
                _old?.Invoker.Dispose();
                _old = _current;
                _current = new(credential, new HttpMessageInvoker(make(credential), disposeHandler: true));
            }
            return _current;
        }
    }

    private sealed record Pool(Credential? Credential, HttpMessageInvoker Invoker);
}
