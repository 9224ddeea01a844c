using System.Collections.Concurrent;
using System.Globalization;
using Grpc.Core;
using Mcp.Certificates;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Sqlite;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Master.Registration;

/// <summary>
/// The channels from the master to the agents: one a node, dialled at the address of its row and verified as <c>agent/&lt;node&gt;</c>.
/// A channel is closed when the row's address changes or the node is removed.
/// </summary>
internal sealed class AgentLinks(
    Database database, CredentialSource own, TrustSource trust, string domain, Func<ulong> term, Func<string> masterAddress, TimeProvider clock) : IDisposable
{
    /// <summary>How long an address is believed without a look at its row: a status asks each of a thousand nodes twice.</summary>
    private static readonly TimeSpan Believed = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<string, Link> _links = new(StringComparer.Ordinal);

    /// <summary>Told of a node on which this master changes something: as the change begins, and before anybody hears of its end.</summary>
    public Action<string> Changed { get; set; } = _ => { };

    /// <summary>The client of a node's agent.</summary>
    /// <exception cref="McpException">NotFound: no such node; FailedPrecondition: it has not joined, so its address is not known.</exception>
    public McpAgentService.McpAgentServiceClient To(string node)
    {
        if (_links.TryGetValue(node, out var open) && clock.GetElapsedTime(open.Confirmed) < Believed)
            return open.Client;
        return At(node, AddressOf(node));
    }

    /// <summary>
    /// A client for one stream of data, on a connection of its own, which the caller disposes: what is in flight there holds up no other call, and no ping
    /// that tells whether the node is there.
    /// </summary>
    /// <exception cref="McpException">As <see cref="To"/>.</exception>
    public (McpAgentService.McpAgentServiceClient Client, IDisposable Channel) ForData(string node)
    {
        var channel = PeerChannel.Open([AddressOf(node)], Principal.AgentOf(NodeName.Parse(node)), own, trust, domain, clock, bulk: true, () => Changed(node));
        return (new McpAgentService.McpAgentServiceClient(channel), channel);
    }

    /// <summary>The client of a node's agent at an address, whatever its row says: for questions about an address that is in doubt.</summary>
    public McpAgentService.McpAgentServiceClient At(string node, string address)
    {
        while (true)
        {
            if (_links.TryGetValue(node, out var known) && known.Address == address)
            {
                known.Confirmed = clock.GetTimestamp();
                return known.Client;
            }
            var channel = PeerChannel.Open([address], Principal.AgentOf(NodeName.Parse(node)), own, trust, domain, clock, changed: () => Changed(node));
            var fresh = new Link(address, channel) { Confirmed = clock.GetTimestamp() };
            if (known is null ? _links.TryAdd(node, fresh) : _links.TryUpdate(node, fresh, known))
            {
                known?.Channel.Dispose();
                return fresh.Client;
            }
            fresh.Channel.Dispose();
        }
    }

    /// <summary>A client for one question at another address, which the caller disposes.</summary>
    public (McpAgentService.McpAgentServiceClient Client, IDisposable Channel) Once(string node, string address)
    {
        var channel = PeerChannel.Open([address], Principal.AgentOf(NodeName.Parse(node)), own, trust, domain, clock);
        return (new McpAgentService.McpAgentServiceClient(channel), channel);
    }

    /// <summary>What every call to an agent carries.</summary>
    /// <param name="limit">How long the call may take.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <param name="operation">Of a call that changes something.</param>
    /// <param name="onBehalfOf">Who asked the master.</param>
    public CallOptions Options(TimeSpan? limit, CancellationToken cancellation, string? operation = null, string? onBehalfOf = null)
    {
        var headers = new Metadata
        {
            { CallMetadata.Term, term().ToString(CultureInfo.InvariantCulture) },
            { CallMetadata.MasterAddress, masterAddress() },
        };
        if (operation is not null)
            headers.Add(CallMetadata.Operation, operation);
        if (onBehalfOf is not null)
            headers.Add(CallMetadata.OnBehalfOf, onBehalfOf);
        // gRPC measures deadlines on the wall clock, whatever clock the role was given.
        return new CallOptions(headers, limit is { } span ? DateTime.UtcNow + span : null, cancellation);
    }

    /// <summary>Closes the channel of a node.</summary>
    public void Drop(string node)
    {
        if (_links.TryRemove(node, out var link))
            link.Channel.Dispose();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var node in _links.Keys)
            Drop(node);
    }

    private string AddressOf(string node)
    {
        var row = database.Read(connection => NodeStore.Find(connection, node))
            ?? throw new McpException(FaultCode.NotFound, $"there is no node {node}") { Hint = "mcp node list" };
        return row.Address.Length > 0 ? row.Address : throw new McpException(FaultCode.Unavailable, $"node {node} has not joined yet, so its address is not known")
        {
            Node = node,
            Hint = $"run on it: mcp agent join {masterAddress()}",
        };
    }

    private sealed class Link(string address, PeerChannel channel)
    {
        public string Address => address;

        /// <summary>The clock's timestamp of the last look at the row that had this address.</summary>
        public long Confirmed { get; set; }

        public PeerChannel Channel => channel;

        public McpAgentService.McpAgentServiceClient Client { get; } = new(channel);
    }
}
