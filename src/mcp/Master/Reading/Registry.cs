using Mcp.Certificates;
using Mcp.Errors;
using Mcp.Master.Deployments;
using Mcp.Master.Identity;
using Mcp.Sqlite;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Master.Reading;

/// <summary>Answers from the master's own rows; no agent is asked.</summary>
internal sealed class Registry(Database database, FleetAuthority authority, TimeProvider clock)
{
    /// <summary>Every service, also those of which only data is left.</summary>
    public ListResponse List() => database.Read(connection =>
    {
        var placements = PlacementStore.All(connection);
        var response = new ListResponse();
        response.Services.AddRange(placements.Select(Listed));
        response.Services.AddRange(DataRecordStore.All(connection)
            .Where(d => d.State == "current" && placements.All(p => p.Service != d.Service))
            .Select(d => new ListedService { Name = d.Service, Node = d.Node, Tier = d.Spec.Tier, Epoch = d.Epoch, State = "undeployed", Components = (uint)d.Spec.Components.Count }));
        return response;
    });

    /// <summary>The spec of a service, of its data when it is not deployed.</summary>
    /// <exception cref="McpException">NotFound.</exception>
    public GetServiceResponse Get(string service) => database.Read(connection =>
    {
        if (PlacementStore.Find(connection, service) is { } placement)
        {
            var found = new GetServiceResponse
            {
                Spec = placement.Spec,
                Node = placement.Node,
                Generation = placement.Generation,
                SpecHash = placement.SpecHash,
                Epoch = placement.Epoch,
                State = placement.Pending ? "pending" : "placed",
            };
            found.Images.AddRange(placement.Images);
            return found;
        }
        if (DataRecordStore.Current(connection, service) is { } data)
            return new GetServiceResponse { Spec = data.Spec, Node = data.Node, Epoch = data.Epoch, State = "undeployed" };
        throw NotFound(service);
    });

    /// <summary>The kept generations, the newest first.</summary>
    /// <exception cref="McpException">NotFound: the service never was.</exception>
    public HistoryResponse History(string service) => database.Read(connection =>
    {
        var kept = GenerationStore.Of(connection, service);
        if (kept.Count == 0)
            throw NotFound(service);
        var response = new HistoryResponse { Current = PlacementStore.Find(connection, service)?.Generation ?? 0 };
        response.Generations.AddRange(kept);
        return response;
    });

    /// <summary>Every route of what is deployed, with its host port.</summary>
    public RouteListResponse Routes() => database.Read(connection =>
    {
        var response = new RouteListResponse();
        response.Routes.AddRange(
            from placement in PlacementStore.All(connection)
            from component in placement.Spec.Components
            from route in component.Routes
            select new ListedRoute
            {
                Service = placement.Service,
                Component = component.Name,
                Node = placement.Node,
                Route = placement.Ports.FirstOrDefault(p => p.Route == route.Name) ?? new HostPort { Route = route.Name, Hostname = route.Hostname, Listener = route.Port, ContainerPort = route.ContainerPort },
                Mode = route.Mode,
                Public = route.Public,
                State = "not served",
            });
        return response;
    });

    /// <summary>The authority's own certificates and every one it issued that has not ended.</summary>
    public CertListResponse Certificates()
    {
        var response = new CertListResponse();
        response.Certificates.AddRange(authority.Describe().Select(c => new Certificate
        {
            Subject = c.Name,
            Serial = c.Serial,
            NotBefore = Timestamp.Format(c.NotBefore),
            NotAfter = Timestamp.Format(c.NotAfter),
            Source = "embedded",
            Kind = "ca",
        }));
        response.Certificates.AddRange(database.Read(c => CertificateStore.EndingAfter(c, Timestamp.Now(clock))).Select(c => new Certificate
        {
            Subject = c.Subject,
            Serial = c.Serial,
            NotBefore = c.NotBefore,
            NotAfter = c.NotAfter,
            Node = c.Principal.StartsWith("agent/", StringComparison.Ordinal) ? c.Principal["agent/".Length..] : "",
            Source = c.Source,
            Kind = c.Kind,
        }));
        return response;
    }

    /// <summary>The people.</summary>
    public OperatorListResponse Operators() => database.Read(connection =>
    {
        var ends = CertificateStore.LastEnds(connection);
        var response = new OperatorListResponse();
        response.Operators.AddRange(OperatorStore.All(connection).Select(o => Person(o, ends)));
        return response;
    });

    /// <summary>The journal.</summary>
    public ListOperationsResponse Operations(ListOperationsRequest request) => database.Read(connection =>
    {
        var limit = request.Limit is 0 or > 1000 ? 100 : (int)request.Limit;
        var response = new ListOperationsResponse();
        response.Operations.AddRange(OperationStore.List(connection, request.ServiceName, request.OpenOnly, limit).Select(o => o.ToMessage()));
        return response;
    });

    private static Operator Person(OperatorRow row, Dictionary<string, string> ends)
    {
        var person = new Operator
        {
            Name = row.Name,
            Role = row.Role,
            LastSeen = row.LastSeen ?? "",
            State = row.State,
            CertificateExpires = ends.GetValueOrDefault($"human/{row.Name}", ""),
        };
        person.Services.AddRange(row.Services);
        return person;
    }

    private static ListedService Listed(PlacementRow p) => new()
    {
        Name = p.Service,
        Node = p.Node,
        Tier = p.Spec.Tier,
        Generation = p.Generation,
        SpecHash = p.SpecHash,
        Active = p.Spec.Active,
        DeployedAt = p.At,
        DeployedBy = p.Principal,
        Components = (uint)p.Spec.Components.Count,
        State = p.Pending ? "pending" : "placed",
        Pinned = p.Spec.Node,
        Epoch = p.Epoch,
    };

    private static McpException NotFound(string service) => new(FaultCode.NotFound, $"there is no service {Printable.Line(service, 80)}") { Hint = "mcp list" };
}
