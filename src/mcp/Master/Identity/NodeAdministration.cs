using Mcp.Errors;
using Mcp.Master.Deployments;
using Mcp.Master.Reading;
using Mcp.Master.Registration;
using Mcp.Names;
using Mcp.Sqlite;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Master.Identity;

/// <summary>What operators do to the list of nodes.</summary>
internal sealed class NodeAdministration(Database database, Invitations invitations, TimeProvider clock)
{
    /// <summary>Allows a node and makes its join token. A node that is allowed already gets another token: it joins anew.</summary>
    /// <exception cref="McpException">InvalidArgument: name, role or address; AlreadyExists: it has another role.</exception>
    public Invitation Add(NodeAddRequest request, string by)
    {
        var name = Name(request.Name);
        var role = Role(request.Role.Length == 0 ? "worker" : request.Role);
        var address = Address(request.Address, name);
        return invitations.Invite(PrincipalKind.Agent, name, role, by, connection =>
        {
            if (role == "master" && NodeStore.All(connection).Find(n => n.Role == "master" && n.Name != name) is { } master)
                throw new McpException(FaultCode.AlreadyExists, $"the fleet has its master node already: {master.Name}") { Hint = $"mcp node add {name} --role worker" };
            if (NodeStore.Find(connection, name) is not { } known)
                NodeStore.Add(connection, name, role, address, Timestamp.Now(clock), by);
            else if (known.Role != role)
                throw new McpException(FaultCode.AlreadyExists, $"node {name} is on the list already, with role {known.Role}") { Hint = $"mcp node set {name} --role {role}, or leave --role as it is" };
            else if (address.Length > 0)
                NodeStore.Set(connection, name, address: address);
        });
    }

    /// <summary>
    /// Ends a node: its agent is revoked. Refused while it has placements, routes or data, unless it is lost for good; then its placements end,
    /// and its data records go, because nothing will ever bring them back.
    /// </summary>
    /// <exception cref="McpException">NotFound, or FailedPrecondition naming what remains.</exception>
    public NodeRemoveResponse Remove(NodeRemoveRequest request, string by) => database.Write(connection =>
    {
        var name = request.Name;
        Known(connection, name);
        var placed = PlacementStore.All(connection).FindAll(p => p.Node == name);
        var data = DataRecordStore.All(connection).FindAll(d => d.Node == name);
        var routes = connection.Query("SELECT hostname FROM edge_routes WHERE edge_node = $node ORDER BY hostname", r => r.GetString(0), ("$node", name));
        var remaining = placed.Select(p => $"service {p.Service}").Concat(routes.Select(r => $"edge route {r}"))
            .Concat(data.Select(d => $"data of {d.Service} ({d.State}, epoch {d.Epoch})")).ToList();
        if (remaining.Count > 0 && !request.Lost)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"node {name} still has {string.Join(", ", remaining)}")
            {
                Hint = $"move its services (mcp migrate), or end them (mcp undeploy, mcp data purge); a node that is lost for good: mcp node remove {name} --lost",
            };
        }
        var at = Timestamp.Now(clock);
        foreach (var operation in OperationStore.Open(connection).Where(o => o.Node == name && !OpenOperations.CarriedOnKinds.Contains(o.Kind)))
        {
            var lost = new McpException(FaultCode.Unavailable, $"node {name} was removed as lost before it said what became of the {operation.Kind} of {operation.Service}") { Node = name };
            OperationStore.Fail(connection, operation.Id, lost, putBack: false, operation.Steps, at);
        }
        foreach (var placement in placed)
        {
            HostnameStore.Replace(connection, placement.Service, []);
            PlacementStore.Remove(connection, placement.Service);
        }
        foreach (var record in data)
            DataRecordStore.Remove(connection, record.Service, name, "");
        connection.Execute("DELETE FROM edge_routes WHERE edge_node = $node", ("$node", name));
        var agent = new Principal(PrincipalKind.Agent, name);
        JoinTokenStore.Withdraw(connection, agent.KindText, name);
        Revoke(connection, agent, at, by, request.Lost ? "node removed as lost" : "node removed");
        NodeStore.Remove(connection, name);
        FindingStore.Close(connection, "cloned identity", name);
        FindingStore.Close(connection, "master behind", name);
        EventStore.Add(connection, new FleetEvent
        {
            At = at,
            Node = name,
            Kind = "node-removed",
            Severity = remaining.Count > 0 ? "warning" : "info",
            Message = remaining.Count > 0 ? $"node {name} was removed as lost, with {string.Join(", ", remaining)}" : $"node {name} was removed",
            Principal = by,
        });
        var response = new NodeRemoveResponse();
        response.Remaining.AddRange(remaining);
        return response;
    });

    /// <summary>Lets a node get no new services, or get them again.</summary>
    /// <exception cref="McpException">NotFound.</exception>
    public void Cordon(NodeCordonRequest request, string by) => database.Write(connection =>
    {
        if (Known(connection, request.Name).Cordoned == request.Cordoned)
            return;
        NodeStore.Set(connection, request.Name, cordoned: request.Cordoned);
        Tell(connection, request.Name, request.Cordoned ? "node-cordoned" : "node-uncordoned", request.Cordoned ? "gets no new services" : "gets new services again", by);
    });

    /// <summary>Changes role or address of a node.</summary>
    /// <exception cref="McpException">NotFound, InvalidArgument, or FailedPrecondition: what is on the node does not fit the role.</exception>
    public void Set(NodeSetRequest request, string by) => database.Write(connection =>
    {
        var node = Known(connection, request.Name);
        var role = request.Role.Length == 0 ? null : Role(request.Role);
        var address = request.Address.Length == 0 ? null : Address(request.Address, request.Name);
        if (role is not null && role != node.Role)
            RequireFits(connection, node, role);
        if (role == "master" && NodeStore.All(connection).Find(n => n.Role == "master" && n.Name != node.Name) is { } master)
            throw new McpException(FaultCode.AlreadyExists, $"the fleet has its master node already: {master.Name}");
        if (address is not null && NodeStore.All(connection).Find(n => n.Address == address && n.Name != node.Name) is { } owner)
            throw new McpException(FaultCode.AlreadyExists, $"the address {address} belongs to node {owner.Name}");
        NodeStore.Set(connection, node.Name, role, address);
        var changes = new[] { role is not null && role != node.Role ? $"role {node.Role} → {role}" : "", address is not null && address != node.Address ? $"address {(node.Address.Length > 0 ? node.Address : "(none)")} → {address}" : "" };
        if (changes.Any(c => c.Length > 0))
            Tell(connection, node.Name, "node-changed", $"is changed: {string.Join(", ", changes.Where(c => c.Length > 0))}", by);
    });

    // The next deploy of what is there would be refused: an edge runs nothing, and core belongs on the master's node.
    private static void RequireFits(Microsoft.Data.Sqlite.SqliteConnection connection, NodeRow node, string role)
    {
        var here = PlacementStore.All(connection).FindAll(p => p.Node == node.Name);
        if (role == "edge" && here.Count > 0)
            throw new McpException(FaultCode.FailedPrecondition, $"node {node.Name} runs {string.Join(", ", here.Select(p => p.Service))}; an edge node runs no services") { Hint = $"end them first: mcp undeploy {here[0].Service}" };
        if (role == "edge" && DataRecordStore.All(connection).FindAll(d => d.Node == node.Name) is [var data, ..] held)
            throw new McpException(FaultCode.FailedPrecondition, $"node {node.Name} holds data of {string.Join(", ", held.Select(d => d.Service).Distinct())}; an edge node runs no services, so they could never start there again") { Hint = $"mcp data purge {data.Service} --on {node.Name}" };
        if (node.Role == "master" && here.Find(p => p.Spec.Tier == "core" && p.Spec.Node.Length == 0) is { } core)
            throw new McpException(FaultCode.FailedPrecondition, $"node {node.Name} runs the core service {core.Service}, and core services belong on the master's node") { Hint = $"end it first: mcp undeploy {core.Service}" };
    }

    private void Tell(Microsoft.Data.Sqlite.SqliteConnection connection, string node, string kind, string what, string by) => EventStore.Add(connection, new FleetEvent
    {
        At = Timestamp.Now(clock),
        Node = node,
        Kind = kind,
        Severity = "info",
        Message = $"node {node} {what}",
        Principal = by,
    });

    /// <summary>Revokes a principal by name and every certificate it has by serial number, and forgets its keys.</summary>
    public static void Revoke(Microsoft.Data.Sqlite.SqliteConnection connection, Principal principal, string at, string by, string reason)
    {
        var name = principal.ToString();
        var serials = CertificateStore.Of(connection, name).Where(c => string.CompareOrdinal(c.NotAfter, at) > 0).Select(c => c.Serial);
        RevocationStore.Add(connection, [name, .. serials], at, by, reason);
        KnownKeyStore.RetireAll(connection, name);
    }

    private static NodeRow Known(Microsoft.Data.Sqlite.SqliteConnection connection, string name) =>
        NodeStore.Find(connection, name) ?? throw new McpException(FaultCode.NotFound, $"there is no node {Printable.Line(name, 80)}") { Hint = "mcp node list" };

    private static string Name(string text) =>
        NodeName.TryParse(text, out var name, out var problem) ? name.Value : throw new McpException(FaultCode.InvalidArgument, $"the node's name '{Printable.Line(text, 80)}' {problem}");

    private static string Role(string text) => text is "master" or "worker" or "edge"
        ? text
        : throw new McpException(FaultCode.InvalidArgument, $"'{Printable.Line(text, 40)}' is not a role; master, worker and edge are");

    private static string Address(string text, string node)
    {
        if (text.Length == 0)
            return "";
        return NodeAddress.TryParse(text, out var address, out var problem)
            ? address.ToString()
            : throw new McpException(FaultCode.InvalidArgument, $"the address '{Printable.Line(text, 80)}' of node {node} {problem}");
    }
}
