using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Options;

namespace Mcp.Transport;

/// <summary>
/// Binds the listeners of a role. Kestrel gives up all addresses when one fails; here an address that cannot be bound is tried again in the
/// background, with backoff, while the others serve. An address that does not exist yet (an overlay that comes up later) can be bound at once:
/// IP_FREEBIND (ip(7)).
/// </summary>
internal sealed partial class PatientListeners : IConnectionListenerFactory
{
    private SocketTransportFactory _sockets;
    private readonly ILoggerFactory _logging;
    private readonly ILogger _log;
    private readonly TimeProvider _clock;
    private readonly Lock _change = new();
    private readonly List<IPEndPoint> _bound = [];
    private readonly Dictionary<EndPoint, string> _problems = [];

    /// <summary>Listeners that retry by <paramref name="clock"/>.</summary>
    public PatientListeners(ILoggerFactory logging, TimeProvider clock)
    {
        _log = logging.CreateLogger<PatientListeners>();
        _clock = clock;
        _logging = logging;
        _sockets = new SocketTransportFactory(Options.Create(new SocketTransportOptions { CreateBoundListenSocket = Bind }), logging);
    }

    /// <summary>The same with the server's own settings, which only its services can make: the memory of connections is among them (<see cref="WideBlocks"/>).</summary>
    public PatientListeners With(IOptions<SocketTransportOptions> settings)
    {
        settings.Value.CreateBoundListenSocket = Bind;
        _sockets = new SocketTransportFactory(settings, _logging);
        return this;
    }

    /// <summary>What is bound, with real ports.</summary>
    public IReadOnlyList<IPEndPoint> Bound
    {
        get
        {
            lock (_change)
                return [.. _bound];
        }
    }

    /// <summary>What is not bound, and why.</summary>
    public IReadOnlyList<string> Problems
    {
        get
        {
            lock (_change)
                return [.. _problems.Select(p => $"{p.Key}: {p.Value}")];
        }
    }

    /// <inheritdoc/>
    public async ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        if (endpoint is not IPEndPoint address)
            return await _sockets.BindAsync(endpoint, cancellationToken);
        return new Listener(this, address, await TryBindAsync(address, cancellationToken));
    }

    private async ValueTask<IConnectionListener?> TryBindAsync(IPEndPoint endpoint, CancellationToken ct)
    {
        try
        {
            var listener = await _sockets.BindAsync(endpoint, ct);
            lock (_change)
            {
                _problems.Remove(endpoint);
                _bound.Add((IPEndPoint)listener.EndPoint);
            }
            return listener;
        }
        catch (Exception e) when (e is IOException or SocketException or InvalidOperationException)
        {
            lock (_change)
                _problems[endpoint] = e.InnerException?.Message ?? e.Message;
            LogNotBound(endpoint, e.InnerException?.Message ?? e.Message);
            return null;
        }
    }

    private static Socket Bind(EndPoint endpoint)
    {
        if (endpoint is UnixDomainSocketEndPoint unix)
            return SocketPath.Bind(unix.ToString()!);
        const int ipProtocol = 0, ip6Protocol = 41, freeBind = 15, freeBind6 = 78;
        var address = (IPEndPoint)endpoint;
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            var six = address.AddressFamily == AddressFamily.InterNetworkV6;
            if (six)
                socket.DualMode = address.Address.Equals(IPAddress.IPv6Any);
            socket.SetRawSocketOption(six ? ip6Protocol : ipProtocol, six ? freeBind6 : freeBind, [1, 0, 0, 0]);
            socket.Bind(address);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>One address; until it is bound, accepting means trying to bind.</summary>
    private sealed class Listener(PatientListeners owner, IPEndPoint wanted, IConnectionListener? inner) : IConnectionListener
    {
        private readonly CancellationTokenSource _end = new();
        private volatile IConnectionListener? _inner = inner;

        public EndPoint EndPoint => _inner?.EndPoint ?? wanted;

        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
        {
            // 1 s doubling to 60 s, as everything that waits for somebody else.
            var pause = TimeSpan.FromSeconds(1);
            while (_inner is null)
            {
                try
                {
                    await Task.Delay(pause, owner._clock, _end.Token);
                }
                catch (OperationCanceledException)
                {
                    return null;
                }
                _inner = await owner.TryBindAsync(wanted, _end.Token);
                pause = pause * 2 < TimeSpan.FromSeconds(60) ? pause * 2 : TimeSpan.FromSeconds(60);
            }
            return await _inner.AcceptAsync(cancellationToken);
        }

        public async ValueTask UnbindAsync(CancellationToken cancellationToken = default)
        {
            await _end.CancelAsync();
            if (_inner is { } bound)
                await bound.UnbindAsync(cancellationToken);
        }

        public async ValueTask DisposeAsync()
        {
            if (_inner is { } bound)
                await bound.DisposeAsync();
            _end.Dispose();
        }
    }
}
