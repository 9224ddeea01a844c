using System.Text;
using Mcp.Names;
using Mcp.V1;

namespace Mcp.Agent.Identity;

/// <summary>The <c>mcp-agent.toml</c> that join writes: what the fleet said, and what differs from the defaults.</summary>
internal static class AgentConfigurationText
{
    /// <summary>The file's text.</summary>
    public static string Write(AgentJoinOrder order, NodeName node, JoinResponse answer)
    {
        var text = new StringBuilder();
        text.Append("# Written by mcp agent join. Every key that is left out has its default; see docs/configuration.md.\n");
        text.Append("[node]\n").Append("name = ").Append(Quote(node.Value)).Append('\n')
            .Append("role = ").Append(Quote(answer.Role)).Append('\n')
            .Append("address = ").Append(Quote(order.Address)).Append('\n');
        text.Append("\n[master]\naddress = ").Append(Quote(order.MasterAddress)).Append('\n');
        text.Append("\n[server]\n");
        if (order.Listen is not null)
            text.Append("grpc_addr = ").Append(Quote(order.Listen)).Append('\n');
        if (order.Socket is not null)
            text.Append("socket = ").Append(Quote(order.Socket)).Append('\n');
        text.Append("tls_cert = ").Append(Quote(Path.Combine(order.Home, "certs", "agent.pem"))).Append('\n');
        text.Append("tls_key = ").Append(Quote(Path.Combine(order.Home, "certs", "agent.pem"))).Append('\n');
        text.Append("\n[tls]\nca_cert = ").Append(Quote(Path.Combine(order.Home, "certs", "ca.pem"))).Append('\n');
        text.Append("\n[database]\npath = ").Append(Quote(Path.Combine(order.Home, "mcp.db"))).Append('\n');
        text.Append("\n[data]\nroot = ").Append(Quote(order.DataRoot)).Append('\n');
        if (order.PodmanSocket is not null)
            text.Append("\n[podman]\nsocket = ").Append(Quote(order.PodmanSocket)).Append('\n');
        // The edge checks by this copy alone; the master's later changes do not reach it.
        text.Append("\n[edge]\nzone = ").Append(Quote(answer.Zone)).Append('\n')
            .Append("allowed_domains = ").Append(List(answer.AllowedDomains)).Append('\n')
            .Append("backend_cidrs = ").Append(List(answer.BackendCidrs)).Append('\n');
        return text.ToString();
    }

    private static string List(IEnumerable<string> values) => $"[{string.Join(", ", values.Select(Quote))}]";

    // A TOML basic string; control characters cannot be in what we are given, but a quote in a path can.
    private static string Quote(string value)
    {
        var text = new StringBuilder("\"");
        foreach (var c in value)
        {
            if (c is '"' or '\\')
                text.Append('\\').Append(c);
            else if (char.IsControl(c))
                text.Append("\\u").Append(((int)c).ToString("x4", System.Globalization.CultureInfo.InvariantCulture));
            else
                text.Append(c);
        }
        return text.Append('"').ToString();
    }
}
