using Mcp.Errors;
using Mcp.Names;
using Mcp.Sqlite;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Master.Identity;

/// <summary>What admins do to the list of people.</summary>
internal sealed class OperatorAdministration(Database database, Invitations invitations, TimeProvider clock)
{
    /// <summary>Invites a person, one who was removed too, or gives somebody a new role together with a new login.</summary>
    /// <exception cref="McpException">InvalidArgument: name, role or services.</exception>
    public Invitation Add(OperatorAddRequest request, string by)
    {
        if (DnsLabel.Problem(request.Name) is { } problem)
            throw new McpException(FaultCode.InvalidArgument, $"the operator's name '{Printable.Line(request.Name, 80)}' {problem}");
        if (request.Name == Principal.Local.Name)
            throw new McpException(FaultCode.InvalidArgument, "'local' is whoever opens the master's socket and cannot be invited");
        if (request.Role is not ("admin" or "deploy" or "read"))
            throw new McpException(FaultCode.InvalidArgument, $"'{Printable.Line(request.Role, 40)}' is not a role; admin, deploy and read are");
        if (request.Services.Count > 0 && request.Role != "deploy")
            throw new McpException(FaultCode.InvalidArgument, "only the role deploy can be limited to services");
        foreach (var service in request.Services)
        {
            if (!ServiceName.TryParse(service, out _, out problem))
                throw new McpException(FaultCode.InvalidArgument, $"the service '{Printable.Line(service, 80)}' {problem}");
        }
        return invitations.Invite(PrincipalKind.Human, request.Name, request.Role, by, connection =>
        {
            // Somebody active stays so, with the new role at once; a token that is never used must not lock him out.
            var state = OperatorStore.Find(connection, request.Name) is { State: "active" } ? "active" : "invited";
            OperatorStore.Put(connection, request.Name, request.Role, request.Services, state, Timestamp.Now(clock), by);
            FleetStore.RaiseRevision(connection);
        });
    }

    /// <summary>Ends a person's access.</summary>
    /// <exception cref="McpException">NotFound; FailedPrecondition: the last admin.</exception>
    public void Remove(string name, string by) => database.Write(connection =>
    {
        if (OperatorStore.Find(connection, name) is not { State: not "revoked" } person)
            throw new McpException(FaultCode.NotFound, $"there is no operator {Printable.Line(name, 80)}") { Hint = "mcp operator list" };
        if (person is { Role: "admin", State: "active" } && !OperatorStore.All(connection).Exists(o => o is { Role: "admin", State: "active" } && o.Name != name))
        {
            throw new McpException(FaultCode.FailedPrecondition, $"{name} is the last admin")
            {
                Hint = "add another first: mcp operator add <name> --role admin",
            };
        }
        var at = Timestamp.Now(clock);
        JoinTokenStore.Withdraw(connection, "human", name);
        NodeAdministration.Revoke(connection, new Principal(PrincipalKind.Human, name), at, by, "operator removed");
        OperatorStore.SetState(connection, name, "revoked");
    });
}
