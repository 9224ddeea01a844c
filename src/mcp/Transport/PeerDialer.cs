using System.Net.Sockets;
using Mcp.Errors;

namespace Mcp.Transport;

/// <summary>Connects to the first of several addresses that answers. Names are allowed for people; nodes are dialled by address.</summary>
internal sealed class PeerDialer
{
    private readonly IReadOnlyList<(string Host, int Port)> _addresses;
    private readonly string _words;

    /// <summary>A dialer for <paramref name="addresses"/>, each <c>host:port</c>; <paramref name="words"/> names the peer in errors.</summary>
    /// <exception cref="McpException">An address is malformed, or there is none.</exception>
    public PeerDialer(IReadOnlyList<string> addresses, string words)
    {
        _words = words;
        _addresses = [.. addresses.Select(Parse)];
        if (_addresses.Count == 0)
            throw new McpException(FaultCode.InvalidArgument, $"no address is known for {words}");
    }

    /// <summary>Dials; each address gets <see cref="ChannelLimits.ConnectTimeout"/>.</summary>
    /// <exception cref="McpException">None could be reached; the causes of all are told.</exception>
    public async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken ct)
    {
        var causes = new List<string>();
        SocketException? last = null;
        foreach (var (host, port) in _addresses)
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
            limit.CancelAfter(ChannelLimits.ConnectTimeout);
            try
            {
                await socket.ConnectAsync(host, port, limit.Token);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (Exception e) when (e is SocketException || (e is OperationCanceledException && !ct.IsCancellationRequested))
            {
                socket.Dispose();
                last = e as SocketException ?? new SocketException((int)SocketError.TimedOut);
                causes.Add($"{host}:{port}: {(e is SocketException ? e.Message : $"no answer within {ChannelLimits.ConnectTimeout.TotalSeconds:0} s")}");
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }
        throw new McpException(FaultCode.Unavailable, $"{_words} cannot be reached", last)
        {
            Cause = string.Join("; ", causes),
            Hint = last?.SocketErrorCode == SocketError.ConnectionRefused
                ? "the machine answers, the role does not: is it running there? systemctl status mcp-master mcp-agent"
                : "check the address, the network and the firewall",
        };
    }

    private static (string Host, int Port) Parse(string address)
    {
        var colon = address.LastIndexOf(':');
        if (colon > 0 && ushort.TryParse(address.AsSpan(colon + 1), out var port) && port > 0)
        {
            var host = address[..colon].Trim('[', ']');
            if (host.Length > 0 && (!host.Contains(':') || address[0] == '['))
                return (host, port);
        }
        throw new McpException(FaultCode.InvalidArgument, $"'{Text.Printable.Line(address, 80)}' is not an address to call") { Hint = "write host:port, as 10.0.0.7:9444 or [fd00::7]:9444" };
    }
}
