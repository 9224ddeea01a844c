using System.Globalization;
using System.Text;
using Google.Protobuf;
using Mcp.Errors;

namespace Mcp.Transport;

/// <summary>Answers a call before any service sees it: a trailers-only response (gRPC over HTTP/2), with the same detail that a service's error has.</summary>
internal static class CallRefusal
{
    /// <summary>Writes the answer; the request's body is not read.</summary>
    public static Task WriteAsync(HttpContext http, McpException fault)
    {
        var headers = http.Response.Headers;
        http.Response.StatusCode = StatusCodes.Status200OK;
        http.Response.ContentType = "application/grpc";
        headers["grpc-status"] = ((int)RpcFault.ToStatus(fault.Code)).ToString(CultureInfo.InvariantCulture);
        headers["grpc-message"] = PercentEncode(fault.Message);
        headers[CallMetadata.Error] = Convert.ToBase64String(RpcFault.ToDetail(fault).ToByteArray());
        // Ends the stream with its headers.
        return http.Response.CompleteAsync();
    }

    /// <summary>grpc-message: printable ASCII as it is, everything else and '%' as %XX of its UTF-8.</summary>
    private static string PercentEncode(string text)
    {
        var result = new StringBuilder(text.Length);
        foreach (var b in Encoding.UTF8.GetBytes(text))
        {
            if (b is >= 0x20 and <= 0x7e and not (byte)'%')
                result.Append((char)b);
            else
                result.Append('%').Append(b.ToString("X2", CultureInfo.InvariantCulture));
        }
        return result.ToString();
    }
}
