using Mcp.Agent.Configuration;
using Mcp.Tests.Podman;

namespace Mcp.Tests.Agent;

/// <summary>The configuration of an agent that nobody calls over a network: its files lie in a test's folder, its podman is a scripted one.</summary>
internal static class TestAgent
{
    /// <summary>Makes the data root as well.</summary>
    public static AgentConfiguration In(TemporaryFolder folder, FakePodman podman)
    {
        Directory.CreateDirectory(folder["srv"]);
        return new AgentConfiguration
        {
            Name = "orion",
            Role = "worker",
            Address = "127.0.0.1:1",
            TlsCertificate = "unused",
            TlsKey = "unused",
            CaCertificate = "unused",
            Database = folder["mcp.db"],
            DataRoot = folder["srv"],
            PodmanSocket = podman.SocketPath,
            Listen = [],
        };
    }
}
