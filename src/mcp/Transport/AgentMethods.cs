using Google.Protobuf;
using Mcp.V1;

namespace Mcp.Transport;

/// <summary>Who may call what on an agent: the master, and with <c>--direct</c> people of role deploy or admin.</summary>
internal static class AgentMethods
{
    /// <summary>The table of <c>mcp.v1.McpAgentService</c>.</summary>
    public static readonly AuthorizationTable Table = new(HumanRole.Deploy,
    [
        // Lifecycle.
        Changing<AgentDeployRequest>("Deploy", r => Of(r.Spec?.Name)),
        Changing<UndeployServiceRequest>("UndeployService", r => Of(r.Service)),
        Changing<StopServiceRequest>("StopService", r => Of(r.Service)),
        Changing<StartServiceRequest>("StartService", r => Of(r.Service)),
        Changing<RestartServiceRequest>("RestartService", r => Of(r.Service)),

        // Reading. Specifications hold environment values, so reading them is audited.
        Reading("ListServices", audited: true),
        Reading("GetServiceStatus"),
        Reading("LiveCheck"),
        Reading("NodeStatus"),
        Reading("Logs"),
        Reading("Events"),
        Reading("GetOperation"),
        Reading("Watch"),
        Reading("History", audited: true),
        Reading("ListData"),

        // Upkeep.
        Changing<AdoptContainersRequest>("AdoptContainers", r => Both(r.Service, r.Spec?.Name)),
        Changing<PurgeComponentRequest>("PurgeComponent", r => Of(r.Service)),
        Changing<FileWrite>("PushFile", r => r.PartCase == FileWrite.PartOneofCase.Start ? Of(r.Start.Service) : null),
        Changing<FileRead>("PullFile", r => Of(r.Service)),
        // An image belongs to no service: with it, the image of another one could be replaced under its tag.
        Changing<ImageLoad>("LoadImage", _ => new(null)),
        // Accepting and erasing data cannot be undone.
        new(Name("AcceptData"), Access.Administration, Audited: true),
        new(Name("PurgeData"), Access.Administration, Audited: true),

        // The master alone.
        new(Name("HealthCheck"), Access.MasterOnly),
        new(Name("SetupEdgeRoute"), Access.MasterOnly, Audited: true),
        new(Name("RemoveEdgeRoute"), Access.MasterOnly, Audited: true),
        new(Name("ListEdgeRoutes"), Access.MasterOnly),
        new(Name("InspectData"), Access.MasterOnly, Audited: true),
        new(Name("ExportServiceData"), Access.MasterOnly, Audited: true),
        new(Name("ImportServiceData"), Access.MasterOnly, Audited: true),
        new(Name("RevertImport"), Access.MasterOnly, Audited: true),
        new(Name("SetDataAside"), Access.MasterOnly, Audited: true),
        new(Name("TakeBackData"), Access.MasterOnly, Audited: true),
        new(Name("DrillService"), Access.MasterOnly, Audited: true),
        new(Name("Upgrade"), Access.MasterOnly, Audited: true),
    ]);

    private static string Name(string method) => $"mcp.v1.McpAgentService/{method}";

    private static MethodRule Reading(string method, bool audited = false) => new(Name(method), Access.Reading, audited);

    private static MethodRule Changing<T>(string method, Func<T, RequestScope?> scope)
        where T : IMessage =>
        new(Name(method), Access.Changing, Audited: true, m => scope((T)m));

    private static RequestScope Of(string? service) => new([service ?? ""]);

    private static RequestScope Both(string first, string? second) =>
        string.IsNullOrEmpty(second) || first == second ? Of(first) : first.Length == 0 ? Of(second) : new([first, second]);
}
